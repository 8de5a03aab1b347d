#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "pipeline/done_items.h"

namespace forebay {

/// Goes through the positions of a plan in ascending order and leaves out those that are done.
class DoneCursor {
 public:
  explicit DoneCursor(DoneItems done) : done_(std::move(done)) {}

  /// `position`, or the first after it that is not done. Positions never go down from call to call.
  [[nodiscard]] std::uint64_t first_open(std::uint64_t position) noexcept {
    while (range_ < done_.ranges.size() && done_.ranges[range_].end <= position) ++range_;
    const bool inside = range_ < done_.ranges.size() && done_.ranges[range_].begin <= position;
    return inside ? done_.ranges[range_].end : position;
  }

  /// Positions of [begin, end) that are done.
  [[nodiscard]] std::uint64_t count_in(std::uint64_t begin, std::uint64_t end) const noexcept;

  /// One past the range that begins at 0 and whose entries must be the same as before; 0: there is none.
  [[nodiscard]] std::uint64_t prefix_end() const noexcept {
    return done_.ranges.empty() || done_.ranges.front().begin != 0 ? 0 : done_.ranges.front().end;
  }
  [[nodiscard]] const EntryHash& prefix() const noexcept { return done_.prefix; }
  /// One past the last position that is done.
  [[nodiscard]] std::uint64_t end() const noexcept {
    return done_.ranges.empty() ? 0 : done_.ranges.back().end;
  }

 private:
  DoneItems done_;
  std::size_t range_ = 0;
};

}  // namespace forebay
