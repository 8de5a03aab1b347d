#include "host/sync/lock.h"

#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "host/error.h"
#include "host/process/crash_point.h"

namespace forebay {
namespace {

using Clock = std::chrono::steady_clock;

std::uint32_t thread_id() noexcept {
  thread_local const auto id = static_cast<std::uint32_t>(::gettid());
  return id;
}

void make_mutex(pthread_mutex_t& mutex, bool recursive) {
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  ::pthread_mutexattr_settype(&attributes, recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_ERRORCHECK);
  const int failed = ::pthread_mutex_init(&mutex, &attributes);
  ::pthread_mutexattr_destroy(&attributes);
  if (failed != 0) throw os_error(failed, "cannot make a lock");
}

timespec as_timespec(Clock::time_point time) noexcept {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  return {static_cast<time_t>(since / 1'000'000'000), static_cast<long>(since % 1'000'000'000)};
}

}  // namespace

void LockBody::recover() noexcept {
  // The word that the C library sleeps on; who is woken for nothing marks it again and sleeps on.
  static_cast<void>(::syscall(SYS_futex, &mutex.__data.__lock, FUTEX_WAKE, std::numeric_limits<int>::max(),
                              nullptr, nullptr, 0));
}

BasicLock::BasicLock(Kind kind)
    : handle_(SharedHandle::make(ObjectKind::lock, sizeof(LockBody))), body_(handle_.body<LockBody>()) {
  make_mutex(body_->mutex, kind == Kind::recursive);
}

std::uint64_t BasicLock::me() const noexcept {
  return (std::uint64_t{handle_.self().value()} << 32U) | thread_id();
}

/// What the mutex said: true where this thread has it now. From EOWNERDEAD on this thread is the holder too;
/// the mutex is made usable at once and the fact is kept for owner_died().
bool BasicLock::take(int result) {
  if (result == EBUSY || result == ETIMEDOUT) return false;
  if (result == EOWNERDEAD) {
    ::pthread_mutex_consistent(&body_->mutex);
    body_->depth.store(0, std::memory_order_relaxed);
    body_->owner_died.store(1, std::memory_order_relaxed);
  } else if (result != 0) {
    check(result);
  }
  crash_point("lock.taken");
  const std::uint32_t depth = body_->depth.load(std::memory_order_relaxed);  // the holder's alone
  if (depth == 0) body_->holder.store(me(), std::memory_order_relaxed);
  body_->depth.store(depth + 1, std::memory_order_relaxed);
  return true;
}

void BasicLock::check(int result) const {
  switch (result) {
    case 0: return;
    case EDEADLK:
      throw Error(ErrorCode::usage, "this thread holds the lock already; unlock it first, or use an RLock");
    case EPERM:
      throw Error(ErrorCode::usage, "only the thread that holds a lock can unlock it; it is " + describe());
    default: throw os_error(result, "cannot use a lock");
  }
}

bool BasicLock::try_lock() { return take(::pthread_mutex_trylock(&body_->mutex)); }

bool BasicLock::lock_until(Clock::time_point deadline, bool interruptible) {
  if (take(::pthread_mutex_trylock(&body_->mutex))) return true;
  if (held_by_this_thread()) check(EDEADLK);  // an RLock would have been taken
  const auto spin_until = std::min(deadline, Clock::now() + spin_.next());
  while (Clock::now() < spin_until) {
    // The holder's word is looked at first: a try for a lock that is held would take its cache line away.
    for (int i = 0; i < 16; ++i) spin_pause();
    if (body_->holder.load(std::memory_order_relaxed) != 0) continue;
    if (!take(::pthread_mutex_trylock(&body_->mutex))) continue;
    spin_.tell(true);
    return true;
  }
  spin_.tell(false);
  while (true) {
    if (interruptible) detail::throw_if_interrupted();
    const auto now = Clock::now();
    const bool watched = interruptible && detail::interrupt_fd() >= 0;
    const auto slice = watched ? limits::interrupt_look : std::chrono::milliseconds(limits::idle_poll);
    const timespec until = as_timespec(std::min(deadline, now + slice));
    if (take(::pthread_mutex_clocklock(&body_->mutex, CLOCK_MONOTONIC, &until))) return true;
    if (Clock::now() >= deadline) return false;
  }
}

Acquired BasicLock::lock() {
  static_cast<void>(lock_until(Clock::time_point::max()));
  return body_->owner_died.load(std::memory_order_relaxed) != 0 ? Acquired::owner_died : Acquired::clean;
}

void BasicLock::lock_anyway() { static_cast<void>(lock_until(Clock::time_point::max(), false)); }

void BasicLock::unlock() {
  if (!held_by_this_thread()) check(EPERM);
  const std::uint32_t depth = body_->depth.load(std::memory_order_relaxed) - 1;
  if (depth == 0) {
    if (body_->owner_died.load(std::memory_order_relaxed) != 0) {
      body_->owner_died.store(0, std::memory_order_relaxed);
    }
    body_->holder.store(0, std::memory_order_relaxed);
  }
  body_->depth.store(depth, std::memory_order_relaxed);
  crash_point("lock.unlocking");
  check(::pthread_mutex_unlock(&body_->mutex));
}

bool BasicLock::owner_died() const {
  return held_by_this_thread() && body_->owner_died.load(std::memory_order_relaxed) != 0;
}

bool BasicLock::held_by_this_thread() const noexcept {
  return body_->holder.load(std::memory_order_relaxed) == me();
}

bool BasicLock::locked() const {
  const std::uint64_t holder = body_->holder.load(std::memory_order_relaxed);
  return holder != 0 && handle_.context().knows(OwnerToken::of(static_cast<std::uint32_t>(holder >> 32U)));
}

std::string BasicLock::describe() const {
  const std::uint64_t holder = body_->holder.load(std::memory_order_relaxed);
  const OwnerToken owner = OwnerToken::of(static_cast<std::uint32_t>(holder >> 32U));
  if (holder == 0 || !handle_.context().knows(owner)) return "unlocked";
  if (holder == me()) return "locked by this thread";
  if (owner == handle_.self()) return "locked by another thread of this process";
  const auto word =
      handle_.context().header().participants[owner.index()].word.load(std::memory_order_acquire);
  return fmt::format("locked by process {}", Participant::pid_of(word));
}

}  // namespace forebay
