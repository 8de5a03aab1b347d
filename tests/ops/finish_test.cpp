#include "device/ops/finish.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

namespace forebay {
namespace {

std::vector<std::uint8_t> random_pixels(std::size_t count) {
  std::mt19937 random(8);
  std::vector<std::uint8_t> pixels(count * 3);
  for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random());
  return pixels;
}

TEST(FinishRow, TheVectorPathEqualsTheTable) {
  const auto pixels = random_pixels(std::size_t{33} * 29);
  FinishOptions options;
  options.height = 33;
  options.width = 29;  // not a multiple of the vector's eight
  const FinishTable table(options);
  std::vector<std::uint32_t> out(pixels.size());
  finish_row(options, table, pixels.data(), reinterpret_cast<std::byte*>(out.data()));
  const std::size_t count = std::size_t{33} * 29;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      ASSERT_EQ(out[channel * count + i], table.bits[channel][pixels[i * 3 + channel]]) << i;
    }
  }
}

TEST(FinishRow, StrangeMeansAndDeviationsAreExactToo) {
  std::mt19937 random(9);
  std::uniform_real_distribution<float> any(0.0001F, 3.0F);
  const auto pixels = random_pixels(256);
  for (int round = 0; round < 300; ++round) {
    FinishOptions options;
    options.height = 16;
    options.width = 16;
    options.mean = {any(random), -any(random), any(random)};
    options.std = {any(random), any(random), any(random)};
    const FinishTable table(options);
    std::vector<float> out(pixels.size());
    finish_row(options, table, pixels.data(), reinterpret_cast<std::byte*>(out.data()));
    for (std::size_t i = 0; i < 256; ++i) {
      const float expected = (static_cast<float>(pixels[i * 3]) / 255.0F - options.mean[0]) / options.std[0];
      ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(expected)) << round << " " << i;
    }
  }
}

TEST(FinishRow, HalfPrecisionCoversSubnormalsAndInfinity) {
  FinishOptions options;
  options.height = options.width = 1;
  options.dtype = DType::f16;
  options.mean = {0, 0, 0};
  options.std = {1e7F, 1e-6F, 1};  // 1e-7 is subnormal in f16, 1e6 is infinite
  const FinishTable table(options);
  EXPECT_EQ(table.bits[0][255], 0x0002U);  // 1e-7 lies nearest to 2 * 2^-24
  EXPECT_EQ(table.bits[1][255], 0x7C00U);
  EXPECT_EQ(table.bits[2][255], 0x3C00U);
  EXPECT_EQ(table.bits[2][0], 0U);
}

}  // namespace
}  // namespace forebay
