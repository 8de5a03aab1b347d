#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "host/limits.h"

namespace forebay {

/// What lies at the start of every object in a shared context's memory. Offsets, never pointers: each
/// process maps the memory where it likes.
enum class ObjectKind : std::uint32_t { free, lock, semaphore, event, condition, barrier, queue, value };

struct alignas(64) SharedObject {
  std::atomic<ObjectKind> kind{ObjectKind::free};
  std::atomic<std::uint32_t> in_transit{0};  ///< handles that were encoded and not yet decoded
  std::uint64_t bytes = 0;                   ///< of the whole block
  std::atomic<std::uint64_t> next{0};        ///< offset of an object made before this one; 0: none
  /// The participants that have a handle: bit i for the one with index i.
  std::array<std::atomic<std::uint64_t>, limits::participants_max / 64> users{};

  void add_user(std::uint32_t index) noexcept {
    users[index / 64].fetch_or(std::uint64_t{1} << (index % 64), std::memory_order_acq_rel);
  }
  void drop_user(std::uint32_t index) noexcept {
    users[index / 64].fetch_and(~(std::uint64_t{1} << (index % 64)), std::memory_order_acq_rel);
  }
  [[nodiscard]] bool has_user(std::uint32_t index) const noexcept {
    return (users[index / 64].load(std::memory_order_acquire) >> (index % 64) & 1U) != 0;
  }
  [[nodiscard]] bool unused() const noexcept {
    for (const auto& word : users) {
      if (word.load(std::memory_order_acquire) != 0) return false;
    }
    return in_transit.load(std::memory_order_acquire) == 0;
  }
};

}  // namespace forebay
