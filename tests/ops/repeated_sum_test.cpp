#include "device/ops/repeated_sum.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

namespace forebay {
namespace {

double by_loop(double sum, double step, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) sum += step;
  return sum;
}

void expect_equal(double start, double step, std::uint64_t count) {
  const double fast = repeated_sum(start, step, count);
  const double slow = by_loop(start, step, count);
  ASSERT_EQ(std::bit_cast<std::uint64_t>(fast), std::bit_cast<std::uint64_t>(slow))
      << start << " + " << count << " * " << step;
}

TEST(RepeatedSum, HasTheBitsOfTheLoop) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-12, 12);
  for (int round = 0; round < 3'000; ++round) {
    const double step = std::exp2(exponent(random));
    const double start = round % 2 == 0 ? step * 0.5 : std::exp2(exponent(random));
    expect_equal(start, step, random() % 40'000);
  }
}

TEST(RepeatedSum, StepsThatLieBetweenTwoPlacesRoundAsTheLoopDoes) {
  // 2^40 holds multiples of 2^-12; a step of an odd multiple of 2^-13 is a tie at each addition, up or down
  // to even.
  for (const double first : {0x1p40, 0x1p40 + 0x1p-12}) {
    for (std::uint64_t odd = 1; odd < 16; odd += 2) {
      for (const std::uint64_t count : {1, 2, 3, 4, 5, 100, 9'999}) {
        expect_equal(first, static_cast<double>(odd) * 0x1p-13, count);
      }
    }
  }
}

TEST(RepeatedSum, CrossesBinadesAndStopsWhereTheStepIsTooSmall) {
  expect_equal(1.0 / 3, 1.0 / 3, 5'000'000);
  expect_equal(0x1p52 - 7.0, 1.25, 1'000);
  expect_equal(0x1p53, 0.75, 1'000);
  expect_equal(0x1p60, 1.0, 1'000);
  EXPECT_EQ(repeated_sum(0x1p60, 1.0, ~std::uint64_t{0}), 0x1p60);
  EXPECT_EQ(repeated_sum(0.5, 1.0, 0), 0.5);
  EXPECT_EQ(repeated_sum(0.5, 1.0, std::uint64_t{1} << 40U), 0x1p40 + 0.5);
}

}  // namespace
}  // namespace forebay
