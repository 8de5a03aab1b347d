#include "pipeline/flow/blame.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "host/limits.h"

namespace forebay {
namespace {

bool is_signal(const Death& death) noexcept {
  return death.verdict == Verdict::stopped ||
         (death.verdict == Verdict::none && (!death.status.known || death.status.signal != 0));
}

bool from_outside(const Death& death) noexcept {
  return death.verdict == Verdict::stopped ||
         (death.verdict == Verdict::none && (!death.status.known || death.status.signal == SIGKILL));
}

}  // namespace

bool Blame::charge(PlannedItem& item, const Death& death, TimePoint now) {
  item.charge += is_signal(death) && at_large(now) ? 1 : limits::weak_signals;
  const bool used_process = death.out_of_memory && !death.fresh;
  const bool doubtful = used_process || from_outside(death);
  if (doubtful && item.deaths == 0) item.charge = std::min(item.charge, guilty_ - 1);
  ++item.deaths;
  ++item.attempts;
  item.signalled = item.signalled || is_signal(death);
  return item.charge >= guilty_;
}

void Blame::absolve(const PlannedItem& item, TimePoint now) {
  if (item.signalled) saw_killer(now);
}

void Blame::saw_killer(TimePoint now) noexcept { at_large_until_ = now + limits::killer_at_large; }

void Blame::nobody(const Death& death, TimePoint now) {
  if (is_signal(death)) saw_killer(now);
}

std::string describe(const Death& death, const ItemLimits& limits) {
  switch (death.verdict) {
    case Verdict::timed_out:
      return fmt::format("ran longer than {:g} s (--item-timeout)",
                         std::chrono::duration<double>(limits.time).count());
    case Verdict::stopped: return "was stopped (SIGSTOP) and not continued";
    case Verdict::start_overdue: return "did not start in time";
    case Verdict::broke_protocol: return "wrote what is no valid result";
    case Verdict::none: break;
  }
  if (death.out_of_memory && limits.memory_bytes == 0) return "found no memory";
  if (death.out_of_memory)
    return fmt::format("needed more than {} MiB (--item-memory-mb)", limits.memory_bytes >> 20U);
  return describe(death.status) + (death.oom_killer ? ", by the kernel's OOM killer" : "");
}

ItemErrorCode error_of(const Death& death, const ItemLimits& limits) noexcept {
  if (death.verdict == Verdict::timed_out) return ItemErrorCode::timed_out;
  if (!death.out_of_memory) return ItemErrorCode::worker_died;
  return limits.memory_bytes == 0 ? ItemErrorCode::no_memory : ItemErrorCode::memory_limit;
}

}  // namespace forebay
