#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "host/sync/shared_handle.h"
#include "host/sync/wait_point.h"

namespace forebay {

/// In shared memory, followed by a word for each permit that can exist: absent, free, or the token of
/// who has it. A permit changes hands by one compare and swap, so there is no instant at which a death
/// loses it.
struct SemaphoreBody {
  static constexpr std::uint32_t absent = 0;
  static constexpr std::uint32_t available = 0xFFFF'FFFFU;

  std::uint32_t capacity = 0;  ///< words
  std::uint32_t bounded = 0;
  WaitPoint released;

  [[nodiscard]] std::atomic<std::uint32_t>* permits() noexcept {
    return reinterpret_cast<std::atomic<std::uint32_t>*>(this + 1);
  }
  [[nodiscard]] bool take(OwnerToken owner) noexcept;
  [[nodiscard]] bool give(OwnerToken owner) noexcept;
  [[nodiscard]] std::uint32_t value() noexcept;
  void recover(OwnerToken dead) noexcept;
};

/// Python's Semaphore. The permits of a process that ends come back: so work that a dead consumer was
/// signalled for is signalled again. A handle; what arrives as an argument in another process is the
/// same semaphore. Thread-safe.
class Semaphore {
 public:
  /// `value` permits, and at most `limits::semaphore_permits_max` at a time. Throws Error(usage) beyond.
  explicit Semaphore(std::uint32_t value = 1) : Semaphore(value, false) {}

  void acquire() { static_cast<void>(acquire_until(std::chrono::steady_clock::time_point::max())); }
  [[nodiscard]] bool try_acquire() { return body_->take(handle_.self()); }
  /// At most so long; a time of zero or less only tries.
  [[nodiscard]] bool acquire(std::chrono::nanoseconds timeout) {
    return acquire_until(detail::after(timeout));
  }
  bool acquire_until(std::chrono::steady_clock::time_point deadline);
  /// Gives back a permit of this process; where it has none, one that another has taken (a hand-over),
  /// and where none is taken adds one. Throws Error(usage) where that is one too many.
  void release(std::uint32_t count = 1);
  /// Permits that are free now.
  [[nodiscard]] std::uint32_t get_value() const noexcept { return body_->value(); }

  void encode_into(Encoder& out) const { handle_.encode_into(out); }
  [[nodiscard]] static Semaphore decode_from(Decoder& in) {
    return Semaphore(SharedHandle::decode_from(in, ObjectKind::semaphore));
  }

 protected:
  Semaphore(std::uint32_t value, bool bounded);
  explicit Semaphore(SharedHandle handle) noexcept
      : handle_(std::move(handle)), body_(handle_.body<SemaphoreBody>()) {}

  SharedHandle handle_;

 private:
  SemaphoreBody* body_;
  SpinBudget spin_;
};

/// Python's BoundedSemaphore: never more permits than at the start; one release too many is Error(usage).
class BoundedSemaphore : public Semaphore {
 public:
  explicit BoundedSemaphore(std::uint32_t value = 1) : Semaphore(value, true) {}
  [[nodiscard]] static BoundedSemaphore decode_from(Decoder& in) {
    return BoundedSemaphore(SharedHandle::decode_from(in, ObjectKind::semaphore));
  }

 private:
  explicit BoundedSemaphore(SharedHandle handle) noexcept : Semaphore(std::move(handle)) {}
};

}  // namespace forebay
