#include "pipeline/source/done_cursor.h"

#include <algorithm>

namespace forebay {

std::uint64_t DoneCursor::count_in(std::uint64_t begin, std::uint64_t end) const noexcept {
  std::uint64_t count = 0;
  for (const PositionRange& range : done_.ranges) {
    const std::uint64_t first = std::max(begin, range.begin);
    const std::uint64_t last = std::min(end, range.end);
    if (first < last) count += last - first;
  }
  return count;
}

}  // namespace forebay
