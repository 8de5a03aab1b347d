#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "host/process/crash_point.h"
#include "host/sync/shared_handle.h"
#include "host/sync/wait_point.h"

namespace forebay {

struct EventBody {
  std::atomic<std::uint32_t> set{0};
  std::atomic<std::uint32_t> times{
      0};  ///< that it was set: a waiter sees one that was cleared again meanwhile
  WaitPoint changed;

  /// Who died may have set it and woken nobody.
  void recover() noexcept { changed.wake_sleepers(); }
};

/// Python's Event: a flag that processes wait for. A handle; what arrives as an argument in another
/// process is the same event. Thread-safe.
class Event {
 public:
  Event() : Event(SharedHandle::make(ObjectKind::event, sizeof(EventBody))) {}

  /// Wakes all who wait. No system call where nobody does.
  void set() noexcept {
    body_->set.store(1, std::memory_order_release);
    body_->times.fetch_add(1, std::memory_order_release);
    crash_point("event.set");
    body_->changed.wake_all();
  }
  void clear() noexcept { body_->set.store(0, std::memory_order_release); }
  [[nodiscard]] bool is_set() const noexcept { return body_->set.load(std::memory_order_acquire) != 0; }

  /// Blocks until it is set. Throws Interrupted.
  void wait() { static_cast<void>(wait_until(std::chrono::steady_clock::time_point::max())); }
  /// As above, at most so long: whether it was set.
  bool wait(std::chrono::nanoseconds timeout) { return wait_until(detail::after(timeout)); }
  bool wait_until(std::chrono::steady_clock::time_point deadline) {
    const std::uint32_t times = body_->times.load(std::memory_order_acquire);
    return body_->changed.wait(
        [this, times] { return is_set() || body_->times.load(std::memory_order_acquire) != times; }, deadline,
        spin_);
  }

  void encode_into(Encoder& out) const { handle_.encode_into(out); }
  [[nodiscard]] static Event decode_from(Decoder& in) {
    return Event(SharedHandle::decode_from(in, ObjectKind::event));
  }

 private:
  explicit Event(SharedHandle handle) noexcept
      : handle_(std::move(handle)), body_(handle_.body<EventBody>()) {}

  SharedHandle handle_;
  EventBody* body_;
  SpinBudget spin_;
};

}  // namespace forebay
