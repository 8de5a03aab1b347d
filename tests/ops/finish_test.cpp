#include "device/ops/finish.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "device/ops/finish_paths.h"

namespace forebay {
namespace {

std::vector<std::uint8_t> random_pixels(std::size_t count) {
  std::mt19937 random(8);
  std::vector<std::uint8_t> pixels(count * 3);
  for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random());
  return pixels;
}

constexpr DType dtypes[] = {DType::u8, DType::f16, DType::bf16, DType::f32};
constexpr Layout layouts[] = {Layout::nchw, Layout::nhwc};

TEST(FinishRow, EveryDtypeAndLayoutEqualsTheTable) {
  for (const DType dtype : dtypes) {
    for (const Layout layout : layouts) {
      for (std::uint32_t width = 1; width <= 40;
           ++width) {  // every rest of the vectors' eight and twenty-four
        FinishOptions options;
        options.height = 3;
        options.width = width;
        options.dtype = dtype;
        options.layout = layout;
        const FinishTable table(options);
        const auto pixels = random_pixels(std::size_t{3} * width);
        std::vector<std::byte> expected(finished_row_bytes(options), std::byte{1});
        std::vector<std::byte> actual(expected.size(), std::byte{2});
        paths::finish_by_table(options, table, pixels.data(), {pixels.size() / 3, pixels.size() / 3},
                               expected.data());
        finish_row(options, table, pixels.data(), actual.data());
        ASSERT_EQ(actual, expected) << to_string(dtype) << " " << to_string(layout) << " " << width;
      }
    }
  }
}

TEST(FinishRow, PiecesMakeTheWholeRow) {
  for (const DType dtype : dtypes) {
    for (const Layout layout : layouts) {
      FinishOptions options;
      options.height = 7;
      options.width = 31;
      options.dtype = dtype;
      options.layout = layout;
      const FinishTable table(options);
      const std::size_t count = 7 * 31;
      const auto pixels = random_pixels(count);
      std::vector<std::byte> whole(finished_row_bytes(options));
      finish_row(options, table, pixels.data(), whole.data());
      for (const std::size_t piece : {1U, 8U, 50U, 216U}) {
        std::vector<std::byte> pieces(whole.size(), std::byte{2});
        for (std::size_t first = 0; first < count; first += piece) {
          finish_part(options, table, pixels.data(), first, std::min(piece, count - first), pieces.data());
        }
        ASSERT_EQ(pieces, whole) << to_string(dtype) << " " << to_string(layout) << " " << piece;
      }
    }
  }
}

TEST(FinishRow, LayoutsAreWhatTheyAreCalled) {
  FinishOptions options;
  options.height = 1;
  options.width = 2;
  options.dtype = DType::u8;
  const FinishTable table(options);
  const std::vector<std::uint8_t> pixels{1, 2, 3, 4, 5, 6};
  std::vector<std::uint8_t> out(6);
  finish_row(options, table, pixels.data(), reinterpret_cast<std::byte*>(out.data()));
  EXPECT_EQ(out, (std::vector<std::uint8_t>{1, 4, 2, 5, 3, 6}));
  options.layout = Layout::nhwc;
  finish_row(options, table, pixels.data(), reinterpret_cast<std::byte*>(out.data()));
  EXPECT_EQ(out, pixels);
}

/// The vectors' arithmetic must hold for the values that people use, or the speed is lost without a word.
TEST(FinishRow, UsualMeansAndDeviationsTakeTheVectorPath) {
  if (!paths::has_vectors())
    GTEST_SKIP() << "this processor has no AVX2, FMA and F16C: the table is the only path";
  const FinishOptions imagenet;
  FinishOptions half = imagenet;
  half.mean = half.std = {0.5F, 0.5F, 0.5F};
  FinishOptions clip = imagenet;
  clip.mean = {0.48145466F, 0.4578275F, 0.40821073F};
  clip.std = {0.26862954F, 0.26130258F, 0.27577711F};
  FinishOptions none = imagenet;
  none.mean = {0, 0, 0};
  none.std = {1, 1, 1};
  for (FinishOptions options : {imagenet, half, clip, none}) {
    for (const DType dtype : {DType::f16, DType::bf16, DType::f32}) {
      for (const Layout layout : layouts) {
        options.dtype = dtype;
        options.layout = layout;
        EXPECT_TRUE(FinishTable(options).arithmetic_is_exact)
            << options.mean[0] << " " << to_string(dtype) << " " << to_string(layout);
      }
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
      ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(expected))
          << round << " " << i;
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
