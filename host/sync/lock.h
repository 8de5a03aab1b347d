#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "host/sync/shared_handle.h"
#include "host/sync/wait_point.h"

namespace forebay {

/// What became known when a lock was taken.
enum class Acquired : std::uint8_t {
  clean,
  owner_died,  ///< the holder before ended without unlocking: what the lock guards may be half changed
};

/// In shared memory: a robust mutex of the kernel's, and who has it.
struct LockBody {
  pthread_mutex_t mutex;
  std::atomic<std::uint64_t>
      holder;  ///< OwnerToken << 32 | thread id; 0: nobody. For locked() and describe()
  std::atomic<std::uint32_t> owner_died;  ///< the present holder was told so
  std::atomic<std::uint32_t> depth;       ///< of an RLock; written by the holder

  /// The kernel hands the lock of a dead holder on. What it cannot know is that a waiter died who had been
  /// woken, when another came first: the lock then does not show that more wait. So all look again.
  void recover() noexcept;
};

/// What Lock and RLock have in common. A handle; copies, and what arrives as an argument in another
/// process, are the same lock. Meets the standard's TimedLockable, so std::scoped_lock and
/// std::unique_lock work. Thread-safe.
///
/// When a process or thread ends while it holds the lock, exactly one next holder is told: lock() gives
/// owner_died, and owner_died() is true until it unlocks. Waiting blocks in the kernel after a short
/// spin; Ctrl+C ends it where the thread has an InterruptScope (Interrupted).
class BasicLock {
 public:
  Acquired lock();
  [[nodiscard]] bool try_lock();
  template <typename Rep, typename Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> time) {
    return lock_until(std::chrono::steady_clock::now() +
                      std::chrono::ceil<std::chrono::steady_clock::duration>(time));
  }
  template <typename Duration>
  [[nodiscard]] bool try_lock_until(std::chrono::time_point<std::chrono::steady_clock, Duration> deadline) {
    return lock_until(std::chrono::ceil<std::chrono::steady_clock::duration>(deadline));
  }
  /// Throws Error(usage) where this thread does not hold it.
  void unlock();

  /// Whether this thread holds it and the holder before had died.
  [[nodiscard]] bool owner_died() const;
  /// Whether anybody holds it now; true or not, it may be otherwise at once.
  [[nodiscard]] bool locked() const;
  [[nodiscard]] bool held_by_this_thread() const noexcept;
  /// "unlocked", "locked by this thread", "locked by another thread of this process" or "locked by
  /// process 123".
  [[nodiscard]] std::string describe() const;
  /// False for one that was made of std::nullopt.
  [[nodiscard]] bool valid() const noexcept { return body_ != nullptr; }

  /// How often this thread has locked it.
  [[nodiscard]] std::uint32_t depth() const noexcept {
    return held_by_this_thread() ? body_->depth.load(std::memory_order_relaxed) : 0;
  }

 protected:
  friend class Condition;
  /// As lock(), but Ctrl+C does not end it.
  void lock_anyway();
  enum class Kind { plain, recursive };
  BasicLock() noexcept : body_(nullptr) {}
  explicit BasicLock(Kind kind);
  explicit BasicLock(SharedHandle handle) noexcept
      : handle_(std::move(handle)), body_(handle_.body<LockBody>()) {}

  SharedHandle handle_;
  LockBody* body_;

 private:
  bool lock_until(std::chrono::steady_clock::time_point deadline, bool interruptible = true);
  bool take(int result);
  [[nodiscard]] std::uint64_t me() const noexcept;
  void check(int result) const;

  SpinBudget spin_;
};

/// Python's Lock, but that only the holder may release it: a lock that anybody may release cannot
/// survive its holder's death. For a signal from one process to another use Event or Semaphore. Locking
/// it twice in one thread is Error(usage) instead of a wait for ever.
class Lock : public BasicLock {
 public:
  Lock() : BasicLock(Kind::plain) {}
  void encode_into(Encoder& out) const { handle_.encode_into(out); }
  [[nodiscard]] static Lock decode_from(Decoder& in) {
    return Lock(SharedHandle::decode_from(in, ObjectKind::lock));
  }

 private:
  using BasicLock::BasicLock;
};

/// Python's RLock: its holder may lock it again, and unlocks it as often.
class RLock : public BasicLock {
  friend class Condition;

 public:
  RLock() : BasicLock(Kind::recursive) {}
  /// No lock, to stand where one may be missing: only valid() makes sense.
  RLock(std::nullopt_t /*none*/) noexcept {}  // NOLINT(google-explicit-constructor): as std::optional
  void encode_into(Encoder& out) const { handle_.encode_into(out); }
  [[nodiscard]] static RLock decode_from(Decoder& in) {
    return RLock(SharedHandle::decode_from(in, ObjectKind::lock));
  }

 private:
  using BasicLock::BasicLock;
};

}  // namespace forebay
