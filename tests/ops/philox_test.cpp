#include "device/ops/philox.h"

#include <gtest/gtest.h>

#include <set>

namespace forebay {
namespace {

// Known answers of Random123 1.14, kat_vectors: "philox4x32 10".
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(ItemRandom, EveryPartOfTheKeyMatters) {
  const auto first = [](std::uint64_t seed, std::uint64_t epoch, std::uint64_t item,
                        std::uint32_t operation) {
    return ItemRandom(seed, epoch, item, operation).uniform();
  };
  const double base = first(1, 1, 1, 1);
  EXPECT_EQ(base, first(1, 1, 1, 1));
  EXPECT_NE(base, first(2, 1, 1, 1));
  EXPECT_NE(base, first(1, 2, 1, 1));
  EXPECT_NE(base, first(1, 1, 2, 1));
  EXPECT_NE(base, first(1, 1, 1, 2));
  EXPECT_NE(base, first(1, 1, std::uint64_t{1} << 32U | 1U, 1));
}

TEST(ItemRandom, NoTwoStreamsMeet) {
  std::set<double> seen;
  std::size_t drawn = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    for (std::uint64_t epoch = 0; epoch < 8; ++epoch) {
      for (std::uint64_t item = 0; item < 8; ++item) {
        for (std::uint32_t operation = 0; operation < 3; ++operation) {
          ItemRandom random(seed, epoch, item, operation);
          for (int i = 0; i < 9; ++i, ++drawn) seen.insert(random.uniform());  // across blocks of four
        }
      }
    }
  }
  EXPECT_GT(seen.size() + 3, drawn);  // of 13,824 32-bit numbers, 0.02 pairs are equal by chance
}

TEST(ItemRandom, IsUniform) {
  double sum = 0;
  constexpr int count = 100'000;
  ItemRandom random(3, 0, 5, 1);
  for (int i = 0; i < count; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / count, 0.5, 0.01);
}

}  // namespace
}  // namespace forebay
