#pragma once

#include <cstdint>

namespace forebay {

/// A place in a source, behind one of its entries: what Source::seek() goes to. Its meaning is the source's.
struct SourceMark {
  std::uint64_t offset = 0;  ///< bytes of a list
  std::uint64_t line = 0;    ///< of a list; 0: this is no place

  [[nodiscard]] bool valid() const noexcept { return line != 0; }
  friend bool operator==(const SourceMark&, const SourceMark&) = default;
};

}  // namespace forebay
