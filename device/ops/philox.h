#pragma once

#include <array>
#include <cstdint>

namespace forebay {

/// Philox4x32-10, a counter-based generator: the same key and counter give the same numbers on every machine,
/// in any order. Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011);
/// constants as in Random123.
using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

[[nodiscard]] constexpr PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) noexcept {
  constexpr std::uint32_t multiplier_0 = 0xD2511F53;
  constexpr std::uint32_t multiplier_1 = 0xCD9E8D57;
  constexpr std::uint32_t weyl_0 = 0x9E3779B9;
  constexpr std::uint32_t weyl_1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product_0 = std::uint64_t{multiplier_0} * counter[0];
    const std::uint64_t product_1 = std::uint64_t{multiplier_1} * counter[2];
    counter = {static_cast<std::uint32_t>(product_1 >> 32U) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product_1),
               static_cast<std::uint32_t>(product_0 >> 32U) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product_0)};
    key = {key[0] + weyl_0, key[1] + weyl_1};
  }
  return counter;
}

/// The random numbers of one operator on one item: a stream of its own for every (seed, epoch, item,
/// operation). The seed is the key; the counter holds the item, the epoch's low 32 bits, and the operation
/// above the number of the block.
class ItemRandom {
 public:
  /// `operation` is below 256: it has the counter's last byte.
  constexpr ItemRandom(std::uint64_t seed, std::uint64_t epoch, std::uint64_t item,
                       std::uint32_t operation) noexcept
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)},
        counter_{static_cast<std::uint32_t>(item), static_cast<std::uint32_t>(item >> 32U),
                 static_cast<std::uint32_t>(epoch), operation << 24U} {}

  /// Uniform in [0, 1), 32 random bits.
  [[nodiscard]] constexpr double uniform() noexcept {
    if (used_ == numbers_.size()) {
      numbers_ = philox4x32(counter_, key_);
      ++counter_[3];
      used_ = 0;
    }
    return static_cast<double>(numbers_[used_++]) * 0x1p-32;
  }

 private:
  PhiloxKey key_;
  PhiloxCounter counter_;
  PhiloxCounter numbers_{};
  std::size_t used_ = 4;
};

}  // namespace forebay
