#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>

#include "host/limits.h"
#include "host/sync/fence.h"
#include "host/sync/futex.h"
#include "host/sync/interrupt.h"

namespace forebay {

namespace detail {

/// The time `timeout` from now; the far end of the clock where it lies beyond.
[[nodiscard]] inline std::chrono::steady_clock::time_point after(std::chrono::nanoseconds timeout) noexcept {
  const auto now = std::chrono::steady_clock::now();
  return timeout >= std::chrono::steady_clock::time_point::max() - now
             ? std::chrono::steady_clock::time_point::max()
             : now + timeout;
}

}  // namespace detail

/// How long a waiter spins before it sleeps: longer where that was worth it lately, hardly at all where
/// it was not (because more processes run than there are cores, say). One for each handle and
/// direction; not shared.
class SpinBudget {
 public:
  [[nodiscard]] std::chrono::nanoseconds next() noexcept;
  void tell(bool worth_it) noexcept {
    budget_ns_ = worth_it ? std::min(budget_ns_ * 2, longest_ns) : std::max(budget_ns_ / 2, shortest_ns);
  }

 private:
  static constexpr std::int64_t longest_ns = std::chrono::nanoseconds(limits::spin_max).count();
  static constexpr std::int64_t shortest_ns = std::chrono::nanoseconds(limits::spin_min).count();
  std::int64_t budget_ns_ = longest_ns / 2;
  std::uint32_t tries_ = 0;
};

/// Where processes sleep until something in shared memory has changed.
///
/// Invariants:
///  1. A waiter reads `sequence`, sets `waiting`, and looks at what it waits for, in this order; a
///     waker changes what is waited for, and then looks at `waiting`. A sequentially consistent fence
///     stands between the two on both sides, so either the waiter sees the change or the waker sees the
///     waiter.
///  2. Who sees `waiting` clears it, then moves `sequence` on, then wakes all: a waiter that had read
///     the old `sequence` does not fall asleep, and one that sets `waiting` later has read the new one.
///  3. All are woken, never one: the one could be killed before it acts. So nothing is lost with a dead
///     waiter, and a `waiting` that a dead one left costs one system call.
struct WaitPoint {
  std::atomic<std::uint32_t> sequence{0};
  std::atomic<std::uint32_t> waiting{0};

  /// After a change. No system call where nobody waits.
  void wake_all() noexcept {
    sequential_fence();  // pairs with the one in wait()
    if (waiting.load(std::memory_order_relaxed) != 0) wake_sleepers();
  }
  /// The same without a look: for what is recovered after a death.
  void wake_sleepers() noexcept {
    waiting.store(0, std::memory_order_relaxed);
    sequence.fetch_add(1, std::memory_order_release);
    futex_wake(sequence, std::numeric_limits<int>::max());
  }

  /// Blocks until `ready()` is true: true; or until the deadline: false. Throws Interrupted, and what
  /// ready() throws.
  template <typename Ready>
  bool wait(Ready ready, std::chrono::steady_clock::time_point deadline, SpinBudget& spin) {
    using Clock = std::chrono::steady_clock;
    if (ready()) return true;
    const auto budget = spin.next();
    const auto spin_until = Clock::now() + budget;
    for (auto now = Clock::now(); now < spin_until && now < deadline; now = Clock::now()) {
      for (int i = 0; i < 16; ++i) {
        if (ready()) {
          spin.tell(true);
          return true;
        }
        spin_pause();
      }
    }
    spin.tell(false);
    while (true) {
      const std::uint32_t seen = sequence.load(std::memory_order_acquire);
      waiting.store(1, std::memory_order_relaxed);
      sequential_fence();  // pairs with the one in wake_all()
      if (ready()) return true;
      detail::throw_if_interrupted();
      const auto now = Clock::now();
      if (now >= deadline) return false;
      // A signal handler cannot wake a futex of another thread: a thread that Ctrl+C concerns looks now and
      // then.
      const bool watched = detail::interrupt_fd() >= 0;
      const auto slice = watched ? limits::interrupt_look : std::chrono::milliseconds(limits::idle_poll);
      futex_wait(sequence, seen, std::min(deadline, now + slice));
    }
  }
};

}  // namespace forebay
