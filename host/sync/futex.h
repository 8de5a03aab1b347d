#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace forebay {

/// A futex on a word of shared memory (futex(2), not FUTEX_PRIVATE). The word is an atomic so that the check
/// before a wait and the change before a wake are ordered by it.
static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t) &&
              std::atomic<std::uint32_t>::is_always_lock_free);

/// Sleeps while the word holds `expected`, at most until the deadline on the monotonic clock. May return
/// early without reason (a signal, a wake for somebody else): check the condition again.
inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                       std::chrono::steady_clock::time_point deadline) noexcept {
  const auto since =
      std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  const timespec until{static_cast<time_t>(since / 1'000'000'000), static_cast<long>(since % 1'000'000'000)};
  // FUTEX_WAIT_BITSET takes an absolute time, so a wake-up for nothing does not lengthen the wait.
  static_cast<void>(
      ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, &until, nullptr, FUTEX_BITSET_MATCH_ANY));
}

/// Wakes at most `count` sleepers, of any process.
inline void futex_wake(std::atomic<std::uint32_t>& word, int count) noexcept {
  static_cast<void>(::syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0));
}

/// Tells the processor that this is a spin loop.
inline void spin_pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace forebay
