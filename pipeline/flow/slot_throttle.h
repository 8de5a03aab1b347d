#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "host/limits.h"

namespace forebay {

/// How many slots of each worker are in use: all, but fewer while memory is short. Half of them at every look
/// that finds it short, down to `floor`; one more whenever it has not been for limits::pressure_calm. The
/// bits of a run do not depend on it. Flow thread only.
class SlotThrottle {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  SlotThrottle(std::uint32_t slots, std::uint32_t floor) noexcept
      : all_(slots), floor_(floor), used_(slots), least_(slots) {}

  /// What a look at `now` has found. True where slots() is another now.
  bool note(bool is_short, TimePoint now) noexcept {
    const std::uint32_t before = used_;
    if (is_short) {
      used_ = std::min(used_, std::max(floor_, used_ / 2));
      changed_ = now;
    } else if (used_ < all_ && now - changed_ >= limits::pressure_calm) {
      ++used_;
      changed_ = now;
    }
    least_ = std::min(least_, used_);
    return used_ != before;
  }

  [[nodiscard]] std::uint32_t slots() const noexcept { return used_; }
  [[nodiscard]] std::uint32_t least() const noexcept { return least_; }
  [[nodiscard]] bool throttled() const noexcept { return used_ < all_; }

 private:
  std::uint32_t all_;
  std::uint32_t floor_;
  std::uint32_t used_;
  std::uint32_t least_;
  TimePoint changed_{};
};

}  // namespace forebay
