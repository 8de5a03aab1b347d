#pragma once

#include <cstdint>

namespace forebay {

/// A permutation of 0 … count-1 that is computed, not stored: random access, no memory, the same on every
/// machine. Keyed by seed and epoch; each epoch has its own. A balanced Feistel network of six rounds with
/// Philox as its round function (Luby, Rackoff, "How to construct pseudorandom permutations", 1988), walked
/// until it falls below `count` (Black, Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002): less
/// than four walks on average. Thread-safe.
class Shuffle {
 public:
  Shuffle(std::uint64_t count, std::uint64_t seed, std::uint64_t epoch) noexcept;

  /// The entry at `place`. Precondition: place < count.
  [[nodiscard]] std::uint64_t at(std::uint64_t place) const noexcept;

 private:
  [[nodiscard]] std::uint64_t walk(std::uint64_t value) const noexcept;

  std::uint64_t count_;
  std::uint64_t seed_;
  std::uint64_t epoch_;
  unsigned half_bits_;
};

}  // namespace forebay
