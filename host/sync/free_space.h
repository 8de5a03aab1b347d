#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace forebay {

/// Which parts of a context's memory are free: the smallest that fits is taken, neighbours are merged.
/// Private to the process that made the context, so a killed one leaves nothing half done that others look
/// at. Not thread-safe.
class FreeSpace {
 public:
  FreeSpace(std::uint64_t begin, std::uint64_t end) { give(begin, end - begin); }

  /// Where `bytes` are free, and no longer; nothing where they are not in one piece.
  [[nodiscard]] std::optional<std::uint64_t> take(std::uint64_t bytes);
  /// These are free again, or for the first time.
  void give(std::uint64_t offset, std::uint64_t bytes);
  /// In all pieces.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  using Ranges = std::map<std::uint64_t, std::uint64_t>;
  void erase(Ranges::iterator range);

  Ranges ranges_;                                              // bytes by offset
  std::set<std::pair<std::uint64_t, std::uint64_t>> by_size_;  // bytes, offset
  std::uint64_t bytes_ = 0;
};

}  // namespace forebay
