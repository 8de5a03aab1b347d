#pragma once

#include <cstdint>
#include <string_view>

namespace forebay {

/// A digest of a sequence of entries (path and label of each), to find out whether a source still begins with
/// them. A chain: its value after n entries is all that is needed to go on with the next. XXH3, 64 bits; made
/// against edits, not against forgers. Not thread-safe.
class EntryHash {
 public:
  EntryHash() = default;
  /// Goes on from the value of another.
  explicit EntryHash(std::uint64_t value) : value_(value) {}

  void add(std::string_view path, std::string_view label) noexcept;
  [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

  friend bool operator==(const EntryHash&, const EntryHash&) = default;

 private:
  std::uint64_t value_ = 0;
};

}  // namespace forebay
