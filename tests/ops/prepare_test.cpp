#include "device/ops/prepare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace forebay {
namespace {

PrepareOptions random_options(std::mt19937& random) {
  PrepareOptions options;
  options.resize = static_cast<std::uint32_t>(1 + random() % 300);
  options.crop = static_cast<std::uint32_t>(1 + random() % 300);
  options.filter = static_cast<Filter>(random() % 5);
  options.augment = random() % 2 == 0 ? Augment::none : Augment::train;
  return options;
}

std::uint32_t random_edge(std::mt19937& random) {
  constexpr std::uint32_t edges[] = {1, 2, 30, 600, 4000};
  return 1 + static_cast<std::uint32_t>(random()) % edges[random() % 5];
}

/// Every window lies within the region, and the outermost ones touch both of its ends: nothing is decoded for
/// nothing.
void expect_fits(const AxisPlan& axis, std::uint32_t region_begin, std::uint32_t region_size) {
  std::vector<std::int32_t> words(resample_table_words(axis.outputs, resample_taps(axis)));
  const ResampleTable table = fill_resample_table(axis, region_begin, words);
  auto begin = static_cast<std::int32_t>(region_size);
  std::int32_t end = 0;
  for (std::uint32_t i = 0; i < table.outputs; ++i) {
    if (table.count()[i] == 0) continue;  // padding
    ASSERT_GE(table.first()[i], 0);
    ASSERT_LE(table.count()[i], static_cast<std::int32_t>(table.taps));
    begin = std::min(begin, table.first()[i]);
    end = std::max(end, table.first()[i] + table.count()[i]);
  }
  ASSERT_EQ(begin, 0);
  ASSERT_EQ(end, static_cast<std::int32_t>(region_size));
}

TEST(PlanPrepare, NeedsARegionWithinThePicture) {
  std::mt19937 random(5);
  for (int round = 0; round < 20'000; ++round) {
    const std::uint32_t width = random_edge(random);
    const std::uint32_t height = random_edge(random);
    const Region region = plan_prepare(random_options(random), random(), width, height).needed;
    ASSERT_GE(region.width, 1U);
    ASSERT_GE(region.height, 1U);
    ASSERT_LE(region.x + region.width, width);
    ASSERT_LE(region.y + region.height, height);
  }
}

TEST(PlanPrepare, TheRegionIsWhatTheTablesRead) {
  std::mt19937 random(6);
  for (int round = 0; round < 5'000; ++round) {
    const PreparePlan plan =
        plan_prepare(random_options(random), random(), random_edge(random), random_edge(random));
    expect_fits(plan.horizontal, plan.needed.x, plan.needed.width);
    expect_fits(plan.vertical, plan.needed.y, plan.needed.height);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

TEST(PlanPrepare, APictureOnePixelWideIsPlannedWithoutItsResizedLength) {
  // 256 x 45 thousand million pixels when resized; the crop's middle is all that is ever looked at.
  constexpr std::uint32_t long_edge = 178'000'000;
  for (const Filter filter :
       {Filter::nearest, Filter::box, Filter::bilinear, Filter::bicubic, Filter::lanczos}) {
    PrepareOptions options;
    options.filter = filter;
    const PreparePlan plan = plan_prepare(options, 0, 1, long_edge);
    EXPECT_EQ(plan.vertical.resized, std::uint64_t{256} * long_edge);
    EXPECT_EQ(plan.needed.width, 1U);
    EXPECT_LE(plan.needed.height, 8U) << to_string(filter);
    EXPECT_NEAR(plan.needed.y, long_edge / 2.0, 8.0) << to_string(filter);
    expect_fits(plan.vertical, plan.needed.y, plan.needed.height);
  }
}

TEST(PlanPrepare, CropsRoundHalfToEvenAndPadWhatIsTooSmall) {
  const auto begins = [](std::uint32_t width, std::uint32_t height) {
    PrepareOptions options;
    options.resize = std::min(width, height);  // nothing is resized
    options.crop = 10;
    const PreparePlan plan = plan_prepare(options, 0, width, height);
    return std::pair(plan.horizontal.crop_begin, plan.vertical.crop_begin);
  };
  EXPECT_EQ(begins(11, 13), (std::pair<std::int64_t, std::int64_t>{0, 2}));  // 0.5 -> 0, 1.5 -> 2
  EXPECT_EQ(begins(15, 17), (std::pair<std::int64_t, std::int64_t>{2, 4}));  // 2.5 -> 2, 3.5 -> 4
  EXPECT_EQ(begins(7, 10), (std::pair<std::int64_t, std::int64_t>{-1, 0}));  // the odd pixel goes behind
  EXPECT_EQ(begins(4, 13), (std::pair<std::int64_t, std::int64_t>{-3, 2}));
}

TEST(PlanPrepare, TrainingIsReproducibleAndVaries) {
  PrepareOptions options;
  options.augment = Augment::train;
  options.seed = 11;
  PrepareOptions next_epoch = options;
  next_epoch.epoch = 1;
  int flips = 0;
  int different = 0;
  int changed = 0;
  for (std::uint64_t item = 0; item < 1000; ++item) {
    const PreparePlan once = plan_prepare(options, item, 640, 480);
    const PreparePlan again = plan_prepare(options, item, 640, 480);
    ASSERT_EQ(once.needed, again.needed);
    ASSERT_EQ(once.horizontal.mirror, again.horizontal.mirror);
    flips += once.horizontal.mirror ? 1 : 0;
    different += once.needed != plan_prepare(options, item + 1, 640, 480).needed ? 1 : 0;
    changed += once.needed != plan_prepare(next_epoch, item, 640, 480).needed ? 1 : 0;
    const double width = once.horizontal.box_size;
    const double height = once.vertical.box_size;
    ASSERT_GT(width * height, 0.07 * 640 * 480);
    ASSERT_GT(width / height, 0.74);
    ASSERT_LT(width / height, 1.35);
  }
  EXPECT_NEAR(flips, 500, 60);
  EXPECT_GT(different, 990);
  EXPECT_GT(changed, 990);
}

TEST(PlanPrepare, TrainingOnAStripTakesTheCentralPartOfTheNearestRatio) {
  PrepareOptions options;
  options.augment = Augment::train;
  const PreparePlan wide = plan_prepare(options, 3, 3000, 30);
  EXPECT_EQ(wide.horizontal.box_size, 40U);
  EXPECT_EQ(wide.horizontal.box_begin, 1480U);
  EXPECT_EQ(wide.vertical.box_size, 30U);
  const PreparePlan tall = plan_prepare(options, 3, 30, 3000);
  EXPECT_EQ(tall.vertical.box_size, 40U);
  EXPECT_EQ(tall.vertical.box_begin, 1480U);
}

}  // namespace
}  // namespace forebay
