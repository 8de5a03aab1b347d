#include "host/sync/free_space.h"

#include <iterator>

namespace forebay {

std::optional<std::uint64_t> FreeSpace::take(std::uint64_t bytes) {
  const auto found = by_size_.lower_bound({bytes, 0});
  if (found == by_size_.end()) return std::nullopt;
  const auto [whole, offset] = *found;
  erase(ranges_.find(offset));
  if (whole != bytes) give(offset + bytes, whole - bytes);
  return offset;
}

void FreeSpace::give(std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 0) return;
  auto after = ranges_.lower_bound(offset);
  if (after != ranges_.begin()) {
    if (const auto before = std::prev(after); before->first + before->second == offset) {
      offset = before->first;
      bytes += before->second;
      erase(before);
    }
  }
  if (after != ranges_.end() && offset + bytes == after->first) {
    bytes += after->second;
    erase(after);
  }
  ranges_.emplace(offset, bytes);
  by_size_.emplace(bytes, offset);
  bytes_ += bytes;
}

void FreeSpace::erase(Ranges::iterator range) {
  bytes_ -= range->second;
  by_size_.erase({range->second, range->first});
  ranges_.erase(range);
}

}  // namespace forebay
