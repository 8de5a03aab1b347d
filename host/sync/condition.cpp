#include "host/sync/condition.h"

#include <string>

#include "host/error.h"
#include "host/process/crash_point.h"

namespace forebay {

bool ConditionBody::notify_oldest() noexcept {
  while (true) {
    std::atomic<std::uint64_t>* oldest = nullptr;
    std::uint64_t oldest_word = 0;
    for (auto& place : places) {
      const std::uint64_t word = place.load(std::memory_order_acquire);
      if (state_of(word) != State::waiting) continue;
      // Turns wrap around: their difference tells which came first.
      const auto turn = static_cast<std::uint32_t>(word);
      if (oldest != nullptr && static_cast<std::int32_t>(turn - static_cast<std::uint32_t>(oldest_word)) > 0)
        continue;
      oldest = &place;
      oldest_word = word;
    }
    if (oldest == nullptr) return false;
    const std::uint64_t word =
        pack(State::notified, owner_of(oldest_word), static_cast<std::uint32_t>(oldest_word));
    if (oldest->compare_exchange_strong(oldest_word, word, std::memory_order_acq_rel)) return true;
  }
}

/// A notification that the dead one had got and perhaps not acted on goes to another waiter. That may wake
/// one for nothing; waiters look at their predicate again.
void ConditionBody::recover(OwnerToken dead) noexcept {
  for (auto& place : places) {
    std::uint64_t word = place.load(std::memory_order_acquire);
    if (state_of(word) == State::free || owner_of(word) != dead) continue;
    const bool was_notified = state_of(word) == State::notified;
    if (place.compare_exchange_strong(word, 0, std::memory_order_acq_rel) && was_notified) notify_oldest();
  }
  notified.wake_sleepers();
}

Condition::Condition(const BasicLock& lock)
    : Condition(RLock(lock.handle_), SharedHandle::make(ObjectKind::condition, sizeof(ConditionBody))) {}

void Condition::require_lock(const char* what) const {
  if (lock_.held_by_this_thread()) return;
  throw Error(ErrorCode::usage, std::string("hold the condition's lock to ") + what);
}

std::atomic<std::uint64_t>& Condition::take_place(std::uint64_t& mine) {
  mine = ConditionBody::pack(ConditionBody::State::waiting, handle_.self(),
                             body_->turns.fetch_add(1, std::memory_order_relaxed));
  for (auto& place : body_->places) {
    std::uint64_t expected = 0;
    if (place.compare_exchange_strong(expected, mine, std::memory_order_acq_rel)) return place;
  }
  throw Error(ErrorCode::environment, "at most " + std::to_string(limits::condition_waiters_max) +
                                          " threads wait for a condition at a time");
}

bool Condition::wait(std::chrono::nanoseconds timeout) {
  require_lock("wait for it");
  if (lock_.depth() != 1) {
    throw Error(ErrorCode::usage,
                "this thread has locked the condition's lock more than once; wait would keep it");
  }
  const auto deadline = detail::after(timeout);
  std::uint64_t mine = 0;
  std::atomic<std::uint64_t>& place = take_place(mine);
  crash_point("condition.waiting");
  lock_.unlock();
  const auto notified = [&] { return place.load(std::memory_order_acquire) != mine; };
  std::exception_ptr interrupted;
  try {
    static_cast<void>(body_->notified.wait(notified, deadline, spin_));
  } catch (...) {
    interrupted = std::current_exception();
  }
  lock_.lock_anyway();
  const bool was_notified = notified();
  crash_point("condition.awake");
  place.store(0, std::memory_order_release);
  if (interrupted && was_notified) body_->notify_oldest();  // this one will not act on it
  if (interrupted) std::rethrow_exception(interrupted);
  return was_notified;
}

void Condition::notify(std::uint32_t count) {
  require_lock("notify");
  bool any = false;
  for (std::uint32_t i = 0; i < count && body_->notify_oldest(); ++i) any = true;
  if (!any) return;
  crash_point("condition.notified");
  body_->notified.wake_all();
}

}  // namespace forebay
