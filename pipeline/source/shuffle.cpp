#include "pipeline/source/shuffle.h"

#include <bit>

#include "device/ops/philox.h"
#include "host/contract.h"

namespace forebay {
namespace {

constexpr unsigned rounds = 6;
constexpr unsigned halves = 2;
/// Of the counter's last byte, which names what the numbers are for: see ItemRandom.
constexpr std::uint32_t shuffle_operation = 255U << 24U;

}  // namespace

Shuffle::Shuffle(std::uint64_t count, std::uint64_t seed, std::uint64_t epoch) noexcept
    : count_(count),
      seed_(seed),
      epoch_(epoch),
      half_bits_((static_cast<unsigned>(std::bit_width(count == 0 ? 0 : count - 1)) + 1) / halves) {
  if (half_bits_ == 0) half_bits_ = 1;
}

std::uint64_t Shuffle::walk(std::uint64_t value) const noexcept {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  const PhiloxKey key{static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32U)};
  std::uint64_t left = value >> half_bits_;
  std::uint64_t right = value & mask;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    // A half has at most 32 bits. The epoch's low 32 bits count, as in ItemRandom.
    const PhiloxCounter number = philox4x32({static_cast<std::uint32_t>(right), half_bits_,
                                             static_cast<std::uint32_t>(epoch_), shuffle_operation | round},
                                            key);
    const std::uint64_t next = left ^ (number[0] & mask);
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

std::uint64_t Shuffle::at(std::uint64_t place) const noexcept {
  expect(place < count_, "a place within the permutation");
  std::uint64_t value = walk(place);
  while (value >= count_) value = walk(value);  // a permutation comes back below count_: `place` is there
  return value;
}

}  // namespace forebay
