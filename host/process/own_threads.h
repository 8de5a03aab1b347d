#pragma once

#include <sys/types.h>

#include <shared_mutex>

namespace forebay::detail {

/// A thread of Forebay's own, which the start method fork knows how to leave behind. Owned by whoever owns
/// the thread: made before it, and destroyed after it was joined; so there are never fewer than threads. Such
/// a thread holds fork_gate() shared while it works, and lets go of it before it blocks.
class OwnThread {
 public:
  OwnThread() noexcept;
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;
  ~OwnThread();

 private:
  pid_t home_;  // a copy of the process has none of them
};

[[nodiscard]] unsigned own_threads() noexcept;
/// Held exclusively while this process is copied.
[[nodiscard]] std::shared_timed_mutex& fork_gate() noexcept;
/// In a copy, which has one thread and no gate that anybody holds.
void forget_own_threads() noexcept;

}  // namespace forebay::detail
