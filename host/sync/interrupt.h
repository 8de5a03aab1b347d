#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <thread>

#include "host/error.h"
#include "host/memory/unique_fd.h"
#include "host/process/own_threads.h"

namespace forebay {

/// Ctrl+C (SIGINT) arrived while an InterruptScope was alive: C++'s KeyboardInterrupt. Its code is
/// ErrorCode::interrupted.
class Interrupted : public Error {
 public:
  explicit Interrupted(std::source_location where = std::source_location::current());
};

/// While it lives, Ctrl+C is an exception instead of the process's end: after the first SIGINT, the blocking
/// Forebay call that its thread (the one that made it) is in, or its next one, throws Interrupted, once.
/// Other threads never see the exception. A second SIGINT before the scope's end gets the default action at
/// once, which also ends every child. The destructor puts the previous disposition back, and hands a SIGINT
/// that no call has thrown on to it, so that none is lost.
///
/// SIGINT may be blocked in this thread (it is let through while the scope lives) and in any other.
/// In a forked copy of the process the scope does nothing but put the previous disposition back.
class InterruptScope {
 public:
  /// Throws Error(usage) where the process has a scope already, and Error(environment) where there is no
  /// descriptor or thread left.
  InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
  ~InterruptScope();

 private:
  void start_helper();

  pid_t home_;       // the process that the scope was made in
  UniqueFd signal_;  // eventfd, written by the handler
  UniqueFd stop_;    // eventfd, written by the destructor
  bool was_blocked_ = false;
  std::optional<detail::OwnThread> own_;  // for as long as helper_
  std::unique_ptr<std::jthread> helper_;  // notifies who waits: a signal handler may not
};

namespace detail {

/// Throws Interrupted if this thread's scope got a SIGINT that no call has thrown yet. For loops that poll or
/// spin. Two atomic loads where there is no such scope.
void throw_if_interrupted(std::source_location where = std::source_location::current());

/// A descriptor that is readable while throw_if_interrupted() would throw, to poll beside others: never read
/// it. -1 where this thread has no scope. Valid while the scope lives.
[[nodiscard]] int interrupt_fd() noexcept;

/// Announces a wait of the scope's thread to the scope's helper, which then notifies the condition. Does
/// nothing in other threads.
class InterruptibleWait {
 public:
  InterruptibleWait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed) noexcept;
  InterruptibleWait(const InterruptibleWait&) = delete;
  InterruptibleWait& operator=(const InterruptibleWait&) = delete;
  /// The lock is held again afterwards.
  ~InterruptibleWait();

  /// Takes the announcement back. False where the helper has taken it already: the lock was then let go of
  /// for a while (the helper needs it), and what it protects may have changed.
  [[nodiscard]] bool withdraw();
  void notify();  ///< the helper's part

 private:
  std::unique_lock<std::mutex>& lock_;
  std::condition_variable& changed_;
  bool announced_ = false;
};

/// As changed.wait_until(lock, deadline, pred), where time_point::max() is no limit. Throws Interrupted in
/// the thread of a scope when SIGINT arrives or has arrived, even where pred() is true. The lock is held when
/// it returns and when it throws.
template <class Pred>
bool wait_interruptibly(std::unique_lock<std::mutex>& lock, std::condition_variable& changed,
                        std::chrono::steady_clock::time_point deadline, Pred pred) {
  InterruptibleWait wait(lock, changed);
  bool expired = false;
  while (true) {
    throw_if_interrupted();
    const bool done = pred();
    if (done || expired) {
      if (wait.withdraw()) return done;
      continue;
    }
    if (deadline == std::chrono::steady_clock::time_point::max()) {
      changed.wait(lock);
    } else {
      expired = changed.wait_until(lock, deadline) == std::cv_status::timeout;
    }
  }
}

}  // namespace detail
}  // namespace forebay
