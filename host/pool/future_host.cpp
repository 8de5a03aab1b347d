#include "host/pool/future_host.h"

#include <algorithm>

#include "host/limits.h"
#include "host/sync/interrupt.h"

namespace forebay::detail {

using Clock = std::chrono::steady_clock;

void help_hosts(std::span<FutureHost* const> hosts, const std::atomic<bool>& done,
                FutureHost::TimePoint deadline) {
  const auto finished = [&] {
    return done.load(std::memory_order_acquire);
  };  // pairs with each setter's release
  bool drives = false;
  for (const FutureHost* host : hosts) drives = drives || host->must_drive();
  if (!drives) {
    for (FutureHost* host : hosts) {
      if (finished()) return;
      host->help(done, deadline);
    }
    return;
  }
  while (!finished() && Clock::now() < deadline) {
    throw_if_interrupted();
    // A slice, because another thread may complete what this one waits for without the host's knowledge.
    const auto until = std::min(deadline, Clock::now() + limits::drive_slice);
    for (FutureHost* host : hosts) {
      if (host->must_drive() && !finished()) host->drive(until);
    }
  }
}

FutureHost::TimePoint deadline_after(std::chrono::nanoseconds timeout) noexcept {
  const auto now = Clock::now();
  return timeout >= no_deadline - now ? no_deadline : now + timeout;
}

}  // namespace forebay::detail
