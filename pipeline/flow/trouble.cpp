#include "pipeline/flow/trouble.h"

#include <algorithm>

#include "host/limits.h"

namespace forebay {
namespace {

constexpr auto one_failure = static_cast<std::uint32_t>(Evidence::strong);

}  // namespace

Trouble::Trouble(std::uint32_t batch_rows, std::uint32_t attempts)
    : batch_rows_(batch_rows), attempts_(std::max(attempts, 1U)), row_limit_(batch_rows) {}

Trouble::Verdict Trouble::blame(std::uint64_t batch, std::uint32_t rows, std::uint32_t planned,
                                Evidence evidence, bool fresh_owner) {
  Case& found = cases_[batch];
  const auto weight = static_cast<std::uint32_t>(evidence);
  if (found.size == 0) {
    found.weight += weight;
    if (found.weight < 2 * one_failure) return Verdict::again;
    found.size = std::max(1U, planned / 2);
    return Verdict::narrower;
  }
  if (planned > 1) {
    found.here += weight;
    if (found.here < one_failure) return Verdict::again;
    found.here = 0;
    found.size = planned / 2;
    return Verdict::narrower;
  }
  if (rows == 0) return Verdict::again;  // it failed before it had anything to fail at
  found.size = 1;                        // one item may be all that is left of the batch
  found.here += weight;
  if (found.here < attempts_ * one_failure || !fresh_owner) return Verdict::again;
  found.here = 0;
  failing_ = 0;
  ++verdicts_;
  return Verdict::guilty;
}

Trouble::Memory Trouble::out_of_memory(std::uint32_t planned) {
  if (planned > 1) {
    if (planned > row_limit_) return Memory::again;
    row_limit_ = planned / 2;
    return Memory::halved;
  }
  switch (++one_row_) {
    case 1: return Memory::again;
    case 2: return Memory::fresh_owner;
    default: return Memory::exhausted;
  }
}

void Trouble::succeeded(std::uint64_t batch, std::uint32_t rows) {
  if (rows == 0) return;  // that shows nothing
  ever_ = true;
  failing_ = all_failing_ = verdicts_ = one_row_ = 0;
  const auto found = cases_.find(batch);
  if (found == cases_.end() || found->second.size == 0) return;
  found->second.here = 0;
  found->second.size = std::min(found->second.size * 2, batch_rows_);
}

bool Trouble::careful() const noexcept {
  return std::any_of(cases_.begin(), cases_.end(), [](const auto& entry) { return entry.second.size > 0; });
}

bool Trouble::careful(std::uint64_t batch) const {
  const auto found = cases_.find(batch);
  return found != cases_.end() && found->second.size > 0;
}

std::uint32_t Trouble::part_rows(std::uint64_t batch) const {
  const auto found = cases_.find(batch);
  const bool with_care = found != cases_.end() && found->second.size > 0;
  return std::min(row_limit_, with_care ? found->second.size : batch_rows_);
}

bool Trouble::last_attempt(std::uint64_t batch) const {
  const auto found = cases_.find(batch);
  return found != cases_.end() && found->second.size == 1 &&
         found->second.here >= (attempts_ - 1) * one_failure;
}

std::uint32_t Trouble::failures() const noexcept { return (all_failing_ + one_failure - 1) / one_failure; }

bool Trouble::hopeless() const noexcept {
  const std::uint32_t verdicts_max = ever_ ? limits::device_verdicts_max : limits::device_first_verdicts_max;
  return failing_ > (limits::device_failures_max + attempts_) * one_failure || verdicts_ > verdicts_max;
}

}  // namespace forebay
