#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace forebay {

/// Who owns something in shared memory: a place in the participant table and how often that place was
/// given away before, so that a successor in the same place is never taken for the one before. 0:
/// nobody.
class OwnerToken {
 public:
  static constexpr unsigned index_bits = 10;
  static constexpr unsigned bits = 24;

  constexpr OwnerToken() noexcept = default;
  constexpr OwnerToken(std::uint32_t index, std::uint32_t generation) noexcept
      : value_(((generation & 0x3FFFU) << index_bits) | index) {}
  [[nodiscard]] static constexpr OwnerToken of(std::uint32_t value) noexcept {
    OwnerToken token;
    token.value_ = value;
    return token;
  }
  [[nodiscard]] constexpr std::uint32_t value() const noexcept { return value_; }
  [[nodiscard]] constexpr std::uint32_t index() const noexcept { return value_ & ((1U << index_bits) - 1); }
  [[nodiscard]] constexpr bool valid() const noexcept { return value_ != 0; }
  friend constexpr bool operator==(OwnerToken, OwnerToken) = default;

 private:
  std::uint32_t value_ = 0;
};

/// A process that uses a shared context. `word` holds state, generation and pid, so that each change is
/// one compare and swap: free -> joined (by the process itself) -> [left (by itself) ->] dead (by the
/// supervisor, when the process has ended) -> free (when everything that it owned is recovered).
struct Participant {
  enum class State : std::uint32_t { free, joined, left, dead };

  std::atomic<std::uint64_t> word{0};
  std::atomic<std::uint64_t> start_time{0};  ///< in clock ticks since boot: tells a recycled pid

  [[nodiscard]] static constexpr std::uint64_t pack(State state, std::uint32_t generation,
                                                    pid_t pid) noexcept {
    return (std::uint64_t{static_cast<std::uint32_t>(state)} << 60U) |
           (std::uint64_t{generation & 0x3FFFU} << 40U) | static_cast<std::uint32_t>(pid);
  }
  [[nodiscard]] static constexpr State state_of(std::uint64_t word) noexcept {
    return static_cast<State>(word >> 60U);
  }
  [[nodiscard]] static constexpr std::uint32_t generation_of(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word >> 40U) & 0x3FFFU;
  }
  [[nodiscard]] static constexpr pid_t pid_of(std::uint64_t word) noexcept {
    return static_cast<pid_t>(word & 0xFFFF'FFFFU);
  }
};

}  // namespace forebay
