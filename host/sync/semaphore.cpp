#include "host/sync/semaphore.h"

#include <algorithm>
#include <string>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/crash_point.h"

namespace forebay {

bool SemaphoreBody::take(OwnerToken owner) noexcept {
  // Different processes begin at different words, so that they seldom meet.
  for (std::uint32_t i = 0; i < capacity; ++i) {
    auto& permit = permits()[(owner.index() + i) % capacity];
    std::uint32_t expected = available;
    if (permit.load(std::memory_order_relaxed) != available) continue;
    if (permit.compare_exchange_strong(expected, owner.value(), std::memory_order_acq_rel)) {
      crash_point("semaphore.taken");
      return true;
    }
  }
  return false;
}

/// An own permit first, then anybody's, then a new one.
bool SemaphoreBody::give(OwnerToken owner) noexcept {
  const auto change = [this](auto&& wanted) {
    for (std::uint32_t i = 0; i < capacity; ++i) {
      std::uint32_t word = permits()[i].load(std::memory_order_acquire);
      if (!wanted(word)) continue;
      if (permits()[i].compare_exchange_strong(word, available, std::memory_order_acq_rel)) return true;
    }
    return false;
  };
  const bool given = change([&](std::uint32_t word) { return word == owner.value(); }) ||
                     change([](std::uint32_t word) { return word != absent && word != available; }) ||
                     (bounded == 0 && change([](std::uint32_t word) { return word == absent; }));
  if (given) {
    crash_point("semaphore.given");
    released.wake_all();
  }
  return given;
}

std::uint32_t SemaphoreBody::value() noexcept {
  return static_cast<std::uint32_t>(std::count_if(permits(), permits() + capacity, [](const auto& permit) {
    return permit.load(std::memory_order_relaxed) == available;
  }));
}

void SemaphoreBody::recover(OwnerToken dead) noexcept {
  for (std::uint32_t i = 0; i < capacity; ++i) {
    std::uint32_t expected = dead.value();
    permits()[i].compare_exchange_strong(expected, available, std::memory_order_acq_rel);
  }
  released.wake_sleepers();  // also for a wake-up that the dead one had taken
}

Semaphore::Semaphore(std::uint32_t value, bool bounded)
    : Semaphore([&] {
        const std::uint32_t capacity = bounded ? std::max(1U, value) : limits::semaphore_permits_max;
        if (value > limits::semaphore_permits_max) {
          throw Error(ErrorCode::usage, "a semaphore has at most " +
                                            std::to_string(limits::semaphore_permits_max) + " permits, not " +
                                            std::to_string(value));
        }
        return SharedHandle::make(ObjectKind::semaphore,
                                  sizeof(SemaphoreBody) + capacity * sizeof(std::atomic<std::uint32_t>));
      }()) {
  body_->bounded = bounded ? 1 : 0;
  for (std::uint32_t i = 0; i < value; ++i) body_->permits()[i] = SemaphoreBody::available;
  body_->capacity = bounded ? std::max(1U, value) : limits::semaphore_permits_max;
}

bool Semaphore::acquire_until(std::chrono::steady_clock::time_point deadline) {
  return body_->released.wait([this] { return body_->take(handle_.self()); }, deadline, spin_);
}

void Semaphore::release(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (body_->give(handle_.self())) continue;
    throw Error(ErrorCode::usage, body_->bounded != 0
                                      ? "a bounded semaphore was released more often than it was acquired"
                                      : "a semaphore has at most " +
                                            std::to_string(limits::semaphore_permits_max) + " permits");
  }
}

}  // namespace forebay
