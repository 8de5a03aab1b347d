#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>

#include "host/codec/shared_range.h"
#include "host/sync/futex.h"

/// Two processes that take turns through one word of shared memory.

using Word = std::atomic<std::uint32_t>;

/// A partner that is gone must not leave the other waiting for ever.
inline constexpr std::chrono::seconds turn_max{60};

[[nodiscard]] inline Word& word_of(const forebay::SharedRange<std::uint32_t>& memory) {
  return *reinterpret_cast<Word*>(memory.data());
}

/// Sleeps until the word is so.
inline void await(Word& word, std::uint32_t wanted) {
  const auto deadline = std::chrono::steady_clock::now() + turn_max;
  for (std::uint32_t seen = word; seen != wanted; seen = word) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the other process is gone");
    forebay::futex_wait(word, seen, deadline);
  }
}

/// Sets the word and wakes who sleeps on it.
inline void tell(Word& word, std::uint32_t value) {
  word = value;
  forebay::futex_wake(word, 1);
}

/// Spins until the word is so: the bare way of a cache line between two cores. Gives way now and then, as
/// on a busy machine the other process may have no core.
inline void spin_for(const Word& word, std::uint32_t wanted) {
  const auto deadline = std::chrono::steady_clock::now() + turn_max;
  for (std::uint32_t looks = 1; word.load(std::memory_order_acquire) != wanted; ++looks) {
    if (looks % (std::uint32_t{1} << 15U) != 0) continue;
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the other process is gone");
    std::this_thread::yield();
  }
}
