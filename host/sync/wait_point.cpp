#include "host/sync/wait_point.h"

#include "host/process/cpu_count.h"

namespace forebay {
namespace {

bool has_other_cores() noexcept {
  static const bool more_than_one = usable_cores() > 1;
  return more_than_one;
}

}  // namespace

std::chrono::nanoseconds SpinBudget::next() noexcept {
  if (!has_other_cores()) return std::chrono::nanoseconds(0);
  // Every 32nd try is a long one: what was not worth a spin before may be by now.
  if (++tries_ % 32 == 0) budget_ns_ = longest_ns;
  return std::chrono::nanoseconds(budget_ns_);
}

}  // namespace forebay
