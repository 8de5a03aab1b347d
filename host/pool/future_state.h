#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "host/pool/future_host.h"

namespace forebay::detail {

class FutureState;

/// What runs once when a future is done, in the thread that completes it.
class Continuation {
 public:
  Continuation() = default;
  Continuation(const Continuation&) = delete;
  Continuation& operator=(const Continuation&) = delete;
  virtual ~Continuation() = default;
  virtual void run(const std::shared_ptr<FutureState>& state) = 0;
};

/// One future that a wait for several watches: a link of a list that its state keeps. Owned by the wait.
class Watch {
 public:
  Watch() = default;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// The future is done. Called once, with the state's lock held.
  virtual void notify(bool failed) noexcept = 0;

 protected:
  ~Watch() = default;

 private:
  friend class FutureState;
  Watch* previous_ = nullptr;
  Watch* next_ = nullptr;
  bool linked_ = false;
};

/// The state that a promise or an engine completes and that futures share, whatever the type of the result.
///
/// Invariants:
/// - phase_: pending -> [cancelling -> pending] -> running -> completing -> finished, or pending [->
/// cancelling]
///   -> cancelled. Each step is one compare-and-swap, so of several that complete it one wins.
/// - The result and error_ are written by the winner while phase_ is completing, and never after.
/// - done_ is set once, with mutex_ held, by the winner; its release pairs with the acquire in done().
/// - parked_, watches_ and continuations_ belong to mutex_. They only grow while done_ is false.
/// - User code (results' constructors, callbacks, the host) runs without the lock.
/// - Who completes it owns a reference meanwhile: a waiter that sees done_ may drop its own at once.
class FutureState : public std::enable_shared_from_this<FutureState> {
 public:
  FutureState(std::shared_ptr<FutureHost> host, std::uint64_t task) noexcept
      : host_(std::move(host)), task_(task) {}
  FutureState(const FutureState&) = delete;
  FutureState& operator=(const FutureState&) = delete;
  virtual ~FutureState() = default;

  // --- The completing side -------------------------------------------------------------------

  /// pending -> running. False if it was cancelled. Throws InvalidStateError if it runs or is done.
  bool start();

  /// Completes it with an exception. False, and nothing changes, if it is done or another is completing it.
  bool fail(std::exception_ptr error) noexcept;

  /// Cancels it without asking the host, who has dropped the task and tells so. Nothing if it runs or is
  /// done.
  void drop() noexcept;

  // --- The waiting side ----------------------------------------------------------------------

  /// Cancels it if it never ran. True if it is cancelled. Asks the host, if there is one. Runs the callbacks.
  bool cancel();

  [[nodiscard]] bool done() const noexcept { return done_.load(std::memory_order_acquire); }
  [[nodiscard]] bool cancelled() const noexcept { return done() && phase() == Phase::cancelled; }
  [[nodiscard]] bool running() const noexcept;

  /// Waits until it is done: true, or until the deadline: false. A deadline in the past polls.
  bool wait_until(FutureHost::TimePoint deadline);

  /// Waits; throws TimeoutError at the deadline and CancelledError. Returns the error that it ended with.
  const std::exception_ptr& outcome(FutureHost::TimePoint deadline);

  /// Runs `continuation` at the end, after those added before: true; false if it is done already.
  [[nodiscard]] bool add_continuation(std::unique_ptr<Continuation>& continuation);

  /// Runs a continuation, whose exceptions end here, as one line on stderr.
  void run(Continuation& continuation) noexcept;

  /// Begins to watch: true; false if it is done already. `watch` stays where it is until it was notified or
  /// unwatched.
  [[nodiscard]] bool watch(Watch& watch) noexcept;
  void unwatch(Watch& watch) noexcept;

  /// Whether it ended with an exception. Only for a done future.
  [[nodiscard]] bool failed() const noexcept { return error_ != nullptr; }
  [[nodiscard]] const std::shared_ptr<FutureHost>& host() const noexcept { return host_; }

  /// Handles count themselves, because a result is moved out only through the last one.
  void add_handle() noexcept { handles_.fetch_add(1, std::memory_order_relaxed); }
  void drop_handle() noexcept { handles_.fetch_sub(1, std::memory_order_release); }
  [[nodiscard]] bool has_one_handle() const noexcept {
    return handles_.load(std::memory_order_acquire) == 1;  // pairs with drop_handle: its reads came before
  }

 protected:
  enum class Phase : std::uint8_t { pending, cancelling, running, completing, finished, cancelled };

  /// Makes the caller the one that completes it. False if it is done or another is at it.
  [[nodiscard]] bool claim(Phase& before) noexcept;
  /// Gives a claim back: the result could not be made.
  void unclaim(Phase before) noexcept { phase_.store(before, std::memory_order_release); }
  /// Publishes what the caller, who has claimed it, has made. Wakes all, runs the callbacks.
  void finish(Phase last) noexcept;
  void set_error(std::exception_ptr error) noexcept { error_ = std::move(error); }

 private:
  [[nodiscard]] Phase phase() const noexcept { return phase_.load(std::memory_order_acquire); }
  bool step(Phase from, Phase to) noexcept { return phase_.compare_exchange_strong(from, to); }
  bool cancel_hosted();
  bool cancelled_by_another();
  void end_cancelling() noexcept;

  std::atomic<bool> done_{false};
  std::atomic<Phase> phase_{Phase::pending};
  std::atomic<std::uint32_t> handles_{0};
  std::uint32_t parked_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  Watch* watches_ = nullptr;
  std::vector<std::unique_ptr<Continuation>> continuations_;
  std::exception_ptr error_;
  const std::shared_ptr<FutureHost> host_;
  const std::uint64_t task_;
};

}  // namespace forebay::detail
