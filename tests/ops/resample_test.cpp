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
std::vector<std::int32_t> random_words(std::mt19937& random, std::uint32_t outputs, std::uint32_t taps, int inputs,
                                       std::int32_t weight_max, bool hostile) {
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

TEST(PlanPrepare, NeedsARegionWithinThePicture) {
  std::mt19937 random(5);
  for (int round = 0; round < 20'000; ++round) {
    PrepareOptions options;
    options.resize = static_cast<std::uint32_t>(1 + random() % 300);
    options.crop = static_cast<std::uint32_t>(1 + random() % 300);
    options.filter = static_cast<Filter>(random() % 5);
    options.augment = random() % 2 == 0 ? Augment::none : Augment::train;
    const auto width = static_cast<std::uint32_t>(1 + random() % 600);
    const auto height = static_cast<std::uint32_t>(1 + random() % 600);
    const Region region = plan_prepare(options, random(), width, height).needed;
    ASSERT_GE(region.width, 1U);
    ASSERT_GE(region.height, 1U);
    ASSERT_LE(region.x + region.width, width);
    ASSERT_LE(region.y + region.height, height);
  }
}

TEST(PlanPrepare, TablesStayWithinTheRegionTheyNeed) {
  std::mt19937 random(6);
  for (int round = 0; round < 5'000; ++round) {
    PrepareOptions options;
    options.resize = static_cast<std::uint32_t>(1 + random() % 300);
    options.crop = static_cast<std::uint32_t>(1 + random() % 100);
    options.filter = static_cast<Filter>(random() % 5);
    options.augment = random() % 2 == 0 ? Augment::none : Augment::train;
    const auto edge = [&] { return static_cast<std::uint32_t>(1 + random() % 600); };
    const PreparePlan plan = plan_prepare(options, random(), edge(), edge());
    std::vector<std::int32_t> words(resample_table_words(options.crop, resample_taps(plan.horizontal)));
    const ResampleTable table = fill_resample_table(plan.horizontal, plan.needed.x, words);
    for (std::uint32_t i = 0; i < table.outputs; ++i) {
      if (table.count()[i] == 0) continue;  // padding
      ASSERT_GE(table.first()[i], 0);
      ASSERT_LE(table.first()[i] + table.count()[i], static_cast<std::int32_t>(plan.needed.width));
      ASSERT_LE(table.count()[i], static_cast<std::int32_t>(table.taps));
    }
  }
}

TEST(PlanPrepare, TrainingIsReproducibleAndVaries) {
  PrepareOptions options;
  options.augment = Augment::train;
  options.seed = 11;
  int flips = 0;
  int different = 0;
  for (std::uint64_t item = 0; item < 1000; ++item) {
    const PreparePlan once = plan_prepare(options, item, 640, 480);
    const PreparePlan again = plan_prepare(options, item, 640, 480);
    ASSERT_EQ(once.needed, again.needed);
    ASSERT_EQ(once.horizontal.mirror, again.horizontal.mirror);
    flips += once.horizontal.mirror ? 1 : 0;
    if (once.needed != plan_prepare(options, item + 1, 640, 480).needed) ++different;
    const double area = static_cast<double>(once.horizontal.box_size) * once.vertical.box_size / (640.0 * 480.0);
    ASSERT_GT(area, 0.07);
    ASSERT_LE(area, 1.0);
  }
  EXPECT_NEAR(flips, 500, 60);
  EXPECT_GT(different, 990);
}

}  // namespace
}  // namespace forebay
