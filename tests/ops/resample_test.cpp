#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "device/ops/prepare.h"
#include "device/ops/resample_passes.h"

namespace forebay {
namespace {

bool has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

/// A table with any windows and any weights below `weight_max`, also windows that lie outside of the inputs.
std::vector<std::int32_t> random_words(std::mt19937& random, std::uint32_t outputs, std::uint32_t taps,
                                       int inputs, std::int32_t weight_max, bool hostile) {
  std::vector<std::int32_t> words(resample_table_words(outputs, taps));
  for (std::uint32_t i = 0; i < outputs; ++i) {
    words[i] = static_cast<std::int32_t>(random() % static_cast<unsigned>(inputs));
    words[outputs + i] = static_cast<std::int32_t>(random() % (taps + 1));
    if (hostile && random() % 4 == 0) words[i] = static_cast<std::int32_t>(random());
    if (hostile && random() % 4 == 0) words[outputs + i] = static_cast<std::int32_t>(random());
  }
  std::uniform_int_distribution<std::int32_t> weight(-weight_max, weight_max - 1);
  for (std::size_t i = std::size_t{2} * outputs; i < words.size(); ++i) words[i] = weight(random);
  return words;
}

class Passes : public ::testing::TestWithParam<bool> {};

TEST_P(Passes, VectorAndPlainHaveEqualBits) {
  if (!has_avx2()) GTEST_SKIP() << "this processor has no AVX2: only the plain passes exist here";
  std::mt19937 random(99);
  for (int round = 0; round < 400; ++round) {
    const auto width = static_cast<std::uint32_t>(1 + random() % 70);
    const auto height = static_cast<std::uint32_t>(1 + random() % 20);
    const auto outputs = static_cast<std::uint32_t>(1 + random() % 40);
    const auto taps = static_cast<std::uint32_t>(1 + random() % (round % 10 == 0 ? 250 : 9));
    // Beyond 2^23 weights cannot be split: the vector pass must hand over to the plain one.
    const std::int32_t weight_max = round % 7 == 0 ? 1 << 30 : 1 << 23;
    const auto words = random_words(random, outputs, taps, static_cast<int>(width), weight_max, GetParam());
    const ResampleTable table{words.data(), outputs, taps};
    std::vector<std::uint8_t> pixels(std::size_t{width} * height * rgb_bytes);
    std::generate(pixels.begin(), pixels.end(), [&] { return static_cast<std::uint8_t>(random()); });
    const ImageView view{pixels.data(), width, height, std::size_t{width} * rgb_bytes};
    std::vector<std::uint8_t> plain(std::size_t{outputs} * height * rgb_bytes, 1);
    std::vector<std::uint8_t> vector(plain.size(), 2);
    passes::horizontal_plain(view, table, plain.data());
    passes::horizontal_avx2(view, table, vector.data());
    ASSERT_EQ(plain, vector) << "horizontal, round " << round;

    const auto down = random_words(random, outputs, taps, static_cast<int>(height), weight_max, GetParam());
    const ResampleTable vertical{down.data(), outputs, taps};
    std::vector<std::uint8_t> plain_rows(std::size_t{outputs} * view.row_bytes, 1);
    std::vector<std::uint8_t> vector_rows(plain_rows.size(), 2);
    passes::vertical_plain(pixels.data(), height, view.row_bytes, vertical, plain_rows.data());
    passes::vertical_avx2(pixels.data(), height, view.row_bytes, vertical, vector_rows.data());
    ASSERT_EQ(plain_rows, vector_rows) << "vertical, round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, Passes, ::testing::Values(false, true),
                         [](const auto& parameter) { return parameter.param ? "hostile" : "sane"; });

/// A table that picks: each output one input as it is, or black.
std::vector<std::int32_t> picking_words(std::mt19937& random, std::uint32_t outputs, std::uint32_t inputs,
                                        bool consecutive) {
  std::vector<std::int32_t> words(resample_table_words(outputs, 1));
  for (std::uint32_t i = 0; i < outputs; ++i) {
    words[i] = static_cast<std::int32_t>(consecutive ? i : random() % inputs);
    words[outputs + i] = consecutive || random() % 5 != 0 ? 1 : 0;
    words[std::size_t{2} * outputs + i] = consecutive || random() % 9 != 0 ? 1 << resample_precision_bits : 0;
  }
  return words;
}

TEST(Selection, EqualsThePasses) {
  std::mt19937 random(4);
  for (int round = 0; round < 500; ++round) {
    const auto width = static_cast<std::uint32_t>(1 + random() % 40);
    const auto height = static_cast<std::uint32_t>(1 + random() % 40);
    const bool consecutive = round % 2 == 0;
    const auto edge = [&](std::uint32_t inputs) {
      return static_cast<std::uint32_t>(1 + random() % (consecutive ? inputs : 60));
    };
    const std::uint32_t columns = edge(width);
    const std::uint32_t rows = edge(height);
    const auto horizontal_words = picking_words(random, columns, width, consecutive);
    const auto vertical_words = picking_words(random, rows, height, consecutive && round % 4 == 0);
    const ResampleTable horizontal{horizontal_words.data(), columns, 1};
    const ResampleTable vertical{vertical_words.data(), rows, 1};
    ASSERT_TRUE(passes::is_selection(horizontal));
    std::vector<std::uint8_t> pixels(std::size_t{width} * height * rgb_bytes);
    std::generate(pixels.begin(), pixels.end(), [&] { return static_cast<std::uint8_t>(random()); });
    const ImageView view{pixels.data(), width, height, std::size_t{width} * rgb_bytes};
    const std::size_t row_bytes = std::size_t{columns} * rgb_bytes;
    std::vector<std::uint8_t> between(row_bytes * height);
    std::vector<std::uint8_t> expected(row_bytes * rows, 1);
    std::vector<std::uint8_t> actual(expected.size(), 2);
    passes::horizontal_plain(view, horizontal, between.data());
    passes::vertical_plain(between.data(), height, row_bytes, vertical, expected.data());
    resample(view, horizontal, vertical, actual.data());
    ASSERT_EQ(actual, expected) << "round " << round;
  }
}

TEST(Selection, IsNotWhatWeighsOrSums) {
  std::vector<std::int32_t> words{0, 0, 1, 1, 1 << resample_precision_bits, 1 << resample_precision_bits};
  EXPECT_TRUE(passes::is_selection({words.data(), 2, 1}));
  words[5] -= 1;
  EXPECT_FALSE(passes::is_selection({words.data(), 2, 1}));
  const std::vector<std::int32_t> two_taps{0, 1, 1 << resample_precision_bits, 0};
  EXPECT_FALSE(passes::is_selection({two_taps.data(), 1, 2}));
}

TEST(Resample, RowsOfTheSourceMayLieApart) {
  std::mt19937 random(12);
  constexpr std::uint32_t width = 37;
  constexpr std::uint32_t height = 21;
  constexpr std::size_t apart = 200;
  std::vector<std::uint8_t> pixels(apart * height);
  std::generate(pixels.begin(), pixels.end(), [&] { return static_cast<std::uint8_t>(random()); });
  std::vector<std::uint8_t> packed;
  for (std::size_t y = 0; y < height; ++y) {
    const auto row = pixels.begin() + static_cast<std::ptrdiff_t>(y * apart);
    packed.insert(packed.end(), row, row + width * rgb_bytes);
  }
  const auto horizontal_words = random_words(random, 19, 7, width, 1 << 22, false);
  const auto vertical_words = random_words(random, 15, 5, height, 1 << 22, false);
  const ResampleTable horizontal{horizontal_words.data(), 19, 7};
  const ResampleTable vertical{vertical_words.data(), 15, 5};
  std::vector<std::uint8_t> strided(std::size_t{19} * 15 * rgb_bytes, 1);
  std::vector<std::uint8_t> dense(strided.size(), 2);
  resample({pixels.data(), width, height, apart}, horizontal, vertical, strided.data());
  resample({packed.data(), width, height, width * rgb_bytes}, horizontal, vertical, dense.data());
  EXPECT_EQ(strided, dense);
}

}  // namespace
}  // namespace forebay
