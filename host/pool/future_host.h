#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>

namespace forebay {

/// What runs the tasks behind futures, as these see it: an engine of worker processes, say. Futures share its
/// ownership, so it outlives them. Every function may be called from any thread, always without a lock of
/// the future held; none may call back into the future that asks.
class FutureHost {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  FutureHost() = default;
  FutureHost(const FutureHost&) = delete;
  FutureHost& operator=(const FutureHost&) = delete;
  virtual ~FutureHost() = default;

  /// True: the task never ran and never will, and nobody but the caller completes its future.
  virtual bool try_cancel(std::uint64_t task) noexcept = 0;

  /// Whether a worker has the task.
  [[nodiscard]] virtual bool is_running(std::uint64_t task) const noexcept = 0;

  /// Called once by a waiter before it parks: may spend a bounded time on getting the engine on, by spinning
  /// on shared memory, say. Returns when `done` is true, at `deadline` or when its budget is spent.
  virtual void help(const std::atomic<bool>& done, TimePoint deadline) = 0;

  /// Whether the calling thread is the engine's own, so that nothing completes while it is parked.
  [[nodiscard]] virtual bool must_drive() const noexcept = 0;

  /// Runs the engine in the calling thread, for which must_drive() is true: returns once it has done
  /// something, and at `until` at the latest.
  virtual void drive(TimePoint until) = 0;
};

namespace detail {

/// What a waiter does before it parks: drives the hosts that only this thread drives, until `done` or
/// `deadline`, or else lets every host help once. Blocks so long. Throws Interrupted (while it drives), and
/// what the hosts throw.
void help_hosts(std::span<FutureHost* const> hosts, const std::atomic<bool>& done,
                FutureHost::TimePoint deadline);

/// The time `timeout` from now; the far end of the clock where that lies behind it.
[[nodiscard]] FutureHost::TimePoint deadline_after(std::chrono::nanoseconds timeout) noexcept;

/// The deadline of a wait without limit.
inline constexpr FutureHost::TimePoint no_deadline = FutureHost::TimePoint::max();

}  // namespace detail
}  // namespace forebay
