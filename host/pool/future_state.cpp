#include "host/pool/future_state.h"

#include <cstdio>
#include <utility>

#include "host/pool/future_error.h"
#include "host/sync/interrupt.h"

namespace forebay::detail {
namespace {

/// Counts a parked thread for as long as it is one, also where the wait throws.
class Parked {
 public:
  explicit Parked(std::uint32_t& count) noexcept : count_(count) { ++count_; }
  Parked(const Parked&) = delete;
  Parked& operator=(const Parked&) = delete;
  ~Parked() { --count_; }

 private:
  std::uint32_t& count_;
};

}  // namespace

bool FutureState::claim(Phase& before) noexcept {
  before = phase();
  while (before == Phase::pending || before == Phase::running || before == Phase::cancelling) {
    if (phase_.compare_exchange_weak(before, Phase::completing)) return true;
  }
  return false;
}

void FutureState::finish(Phase last) noexcept {
  std::vector<std::unique_ptr<Continuation>> continuations;
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    phase_.store(last, std::memory_order_relaxed);
    done_.store(true, std::memory_order_release);  // pairs with done(): publishes the result
    wake = parked_ != 0;
    while (Watch* const watch = watches_) {
      watches_ = watch->next_;
      watch->linked_ = false;
      watch->notify(failed());  // under the lock: unwatch() may end its life as soon as it has it
    }
    continuations.swap(continuations_);
  }
  if (wake) changed_.notify_all();
  if (continuations.empty()) return;
  // A callback may drop the handle or the promise that this was called through.
  const auto kept = shared_from_this();
  for (auto& continuation : continuations) {
    run(*continuation);
    continuation.reset();  // what a callback holds is released before the next one
  }
}

bool FutureState::start() {
  Phase now = phase();
  while (now == Phase::pending || now == Phase::cancelling) {
    if (phase_.compare_exchange_weak(now, Phase::running)) return true;
  }
  if (now == Phase::cancelled) return false;
  throw InvalidStateError("a future was started twice, or after it was done; start each task once");
}

bool FutureState::fail(std::exception_ptr error) noexcept {
  Phase before{};
  if (!claim(before)) return false;
  set_error(std::move(error));
  finish(Phase::finished);
  return true;
}

void FutureState::drop() noexcept {
  Phase now = phase();
  while (now == Phase::pending || now == Phase::cancelling) {
    if (!phase_.compare_exchange_weak(now, Phase::cancelled)) continue;
    finish(Phase::cancelled);
    return;
  }
}

bool FutureState::cancel() {
  if (host_ != nullptr) return cancel_hosted();
  if (step(Phase::pending, Phase::cancelled)) {
    finish(Phase::cancelled);
    return true;
  }
  return cancelled_by_another();
}

bool FutureState::cancel_hosted() {
  while (!step(Phase::pending, Phase::cancelling)) {
    if (phase() != Phase::cancelling && phase() != Phase::pending) return cancelled_by_another();
    // Another thread is asking the host, which is quick: its answer is this thread's too.
    std::unique_lock lock(mutex_);
    const Parked parked(parked_);
    changed_.wait(lock, [&] { return phase() != Phase::cancelling; });
  }
  if (!host_->try_cancel(task_)) {
    step(Phase::cancelling, Phase::pending);
  } else if (step(Phase::cancelling, Phase::cancelled)) {
    finish(Phase::cancelled);
    return true;
  }
  end_cancelling();
  return false;
}

bool FutureState::cancelled_by_another() {
  if (phase() != Phase::cancelled) return false;
  // The other thread is about to publish that: who got true from cancel() finds the future done.
  std::unique_lock lock(mutex_);
  const Parked parked(parked_);
  changed_.wait(lock, [this] { return done(); });
  return true;
}

void FutureState::end_cancelling() noexcept {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    wake = parked_ != 0;
  }
  if (wake) changed_.notify_all();
}

bool FutureState::running() const noexcept {
  const Phase now = phase();
  if (now == Phase::running) return true;
  const bool may_run = now == Phase::pending || now == Phase::cancelling;
  return may_run && host_ != nullptr && host_->is_running(task_);
}

bool FutureState::wait_until(FutureHost::TimePoint deadline) {
  if (done()) return true;
  if (deadline != no_deadline && deadline <= std::chrono::steady_clock::now()) return false;
  if (FutureHost* const host = host_.get()) {
    help_hosts(std::span(&host, 1), done_, deadline);
    if (done()) return true;
  }
  std::unique_lock lock(mutex_);
  const Parked parked(parked_);
  return wait_interruptibly(lock, changed_, deadline, [this] { return done(); });
}

const std::exception_ptr& FutureState::outcome(FutureHost::TimePoint deadline) {
  if (!wait_until(deadline)) {
    throw TimeoutError("the future was not done in time; allow more, or cancel it");
  }
  if (phase() == Phase::cancelled) throw CancelledError("the future was cancelled before its task ran");
  return error_;
}

bool FutureState::add_continuation(std::unique_ptr<Continuation>& continuation) {
  const std::scoped_lock lock(mutex_);
  if (done()) return false;
  continuations_.push_back(std::move(continuation));
  return true;
}

void FutureState::run(Continuation& continuation) noexcept {
  try {
    continuation.run(shared_from_this());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "forebay: a future's callback threw: %s\n", error.what());
  } catch (...) {
    std::fprintf(stderr, "forebay: a future's callback threw something that is no std::exception\n");
  }
}

bool FutureState::watch(Watch& watch) noexcept {
  const std::scoped_lock lock(mutex_);
  if (done()) return false;
  watch.next_ = watches_;
  watch.previous_ = nullptr;
  if (watches_ != nullptr) watches_->previous_ = &watch;
  watches_ = &watch;
  watch.linked_ = true;
  return true;
}

void FutureState::unwatch(Watch& watch) noexcept {
  const std::scoped_lock lock(mutex_);
  if (!watch.linked_) return;
  if (watch.next_ != nullptr) watch.next_->previous_ = watch.previous_;
  (watch.previous_ != nullptr ? watch.previous_->next_ : watches_) = watch.next_;
  watch.linked_ = false;
}

}  // namespace forebay::detail
