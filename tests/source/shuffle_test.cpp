#include "pipeline/source/shuffle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace forebay {
namespace {

std::vector<std::uint64_t> all(std::uint64_t count, std::uint64_t seed, std::uint64_t epoch) {
  const Shuffle shuffle(count, seed, epoch);
  std::vector<std::uint64_t> values;
  for (std::uint64_t place = 0; place < count; ++place) values.push_back(shuffle.at(place));
  return values;
}

TEST(Shuffle, IsAPermutationOfEveryCount) {
  for (const std::uint64_t count :
       {1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U, 16U, 17U, 64U, 65U, 100U, 1000U, 4097U, 70'001U}) {
    std::vector<bool> seen(count);
    for (const std::uint64_t value : all(count, 7, 1)) {
      ASSERT_LT(value, count);
      ASSERT_FALSE(seen[value]) << value << " of " << count;
      seen[value] = true;
    }
  }
}

TEST(Shuffle, SeedAndEpochKeyIt) {
  const auto base = all(1000, 0, 0);
  EXPECT_EQ(all(1000, 0, 0), base);
  EXPECT_NE(all(1000, 1, 0), base);
  EXPECT_NE(all(1000, 0, 1), base);
  EXPECT_NE(all(1000, std::uint64_t{1} << 40U, 0), base) << "all 64 bits of the seed";
}

TEST(Shuffle, TheSameOnEveryMachine) {
  // Of this implementation: a change would give every seeded run other bits.
  EXPECT_EQ(all(8, 1, 0), (std::vector<std::uint64_t>{1, 7, 5, 6, 3, 4, 2, 0}));
}

/// Where an entry lands is uniform: chi squared of 16 cells over many seeds, far out in the tail.
TEST(Shuffle, EveryPlaceIsAsLikely) {
  constexpr std::uint64_t count = 16;
  constexpr std::uint64_t seeds = 16'000;
  for (const std::uint64_t place : {std::uint64_t{0}, std::uint64_t{7}, count - 1}) {
    std::vector<double> hits(count);
    for (std::uint64_t seed = 0; seed < seeds; ++seed) ++hits[Shuffle(count, seed, 0).at(place)];
    double chi = 0;
    for (const double hit : hits) chi += std::pow(hit - seeds / count, 2) / (seeds / count);
    EXPECT_LT(chi, 45) << "15 degrees of freedom: one in ten thousand";
  }
}

TEST(Shuffle, LargeCountsNeedNoMemory) {
  const Shuffle shuffle(std::uint64_t{1} << 62U, 3, 0);
  EXPECT_LT(shuffle.at((std::uint64_t{1} << 62U) - 1), std::uint64_t{1} << 62U);
}

}  // namespace
}  // namespace forebay
