#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "host/limits.h"
#include "host/sync/lock.h"
#include "host/sync/shared_handle.h"
#include "host/sync/wait_point.h"

namespace forebay {

/// A place for each waiter: free, waiting or notified, with the waiter's token and its turn. Waiters
/// and notifiers change places under the condition's lock, the supervisor without it: so every change
/// is a compare and swap.
struct ConditionBody {
  enum class State : std::uint32_t { free, waiting, notified };
  std::atomic<std::uint32_t> turns{0};  ///< given out, under the lock
  WaitPoint notified;
  std::array<std::atomic<std::uint64_t>, limits::condition_waiters_max> places{};

  [[nodiscard]] static constexpr std::uint64_t pack(State state, OwnerToken owner,
                                                    std::uint32_t turn) noexcept {
    return (std::uint64_t{static_cast<std::uint32_t>(state)} << 56U) | (std::uint64_t{owner.value()} << 32U) |
           turn;
  }
  [[nodiscard]] static constexpr State state_of(std::uint64_t word) noexcept {
    return static_cast<State>(word >> 56U);
  }
  [[nodiscard]] static constexpr OwnerToken owner_of(std::uint64_t word) noexcept {
    return OwnerToken::of(static_cast<std::uint32_t>(word >> 32U) & 0xFF'FFFFU);
  }
  /// Notifies the one that has waited longest; false where nobody waits.
  bool notify_oldest() noexcept;
  void recover(OwnerToken dead) noexcept;
};

/// Python's Condition, with a lock of its own or a given one. notify() never waits for anybody, so it
/// survives a waiter's death. A handle; what arrives as an argument in another process is the same
/// condition. Thread-safe.
class Condition {
 public:
  Condition() : Condition(RLock()) {}
  explicit Condition(const BasicLock& lock);

  /// The lock that wait and notify need to be held: for std::unique_lock and std::scoped_lock.
  [[nodiscard]] RLock& lock() noexcept { return lock_; }

  /// Lets go of the lock, waits to be notified, takes the lock again. True: notified; false: the time
  /// has passed. Throws Error(usage) where this thread does not hold the lock (once, for an RLock),
  /// Interrupted (the lock is held then).
  bool wait(std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max());
  /// Waits until `predicate()` is true; its last value, where the time has passed.
  template <typename Predicate>
  bool wait_for(Predicate predicate, std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max()) {
    const auto deadline = detail::after(timeout);
    while (!predicate()) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= std::chrono::nanoseconds(0) || !wait(left)) return predicate();
    }
    return true;
  }
  /// Wakes at most `count` waiters, those first that have waited longest. The lock must be held
  /// (Error(usage)).
  void notify(std::uint32_t count = 1);
  void notify_all() { notify(limits::condition_waiters_max); }

  void encode_into(Encoder& out) const {
    lock_.encode_into(out);
    handle_.encode_into(out);
  }
  [[nodiscard]] static Condition decode_from(Decoder& in) {
    RLock lock = RLock::decode_from(in);
    return Condition(std::move(lock), SharedHandle::decode_from(in, ObjectKind::condition));
  }

 private:
  Condition(RLock lock, SharedHandle handle)
      : lock_(std::move(lock)), handle_(std::move(handle)), body_(handle_.body<ConditionBody>()) {}
  void require_lock(const char* what) const;
  [[nodiscard]] std::atomic<std::uint64_t>& take_place(std::uint64_t& mine);

  RLock lock_;
  SharedHandle handle_;
  ConditionBody* body_;
  SpinBudget spin_;
};

}  // namespace forebay
