#include "pipeline/flow/plan.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace forebay {
namespace {

/// Counts up to `count`, and how often it was asked.
class CountingSource final : public Source {
 public:
  CountingSource(std::uint64_t count, std::uint64_t& asked) : count_(count), asked_(asked) {}
  std::optional<SourceEntry> next() override {
    if (asked_ >= count_) return std::nullopt;
    path_ = std::to_string(asked_++);
    return SourceEntry{path_, "label"};
  }

 private:
  std::uint64_t count_;
  std::uint64_t& asked_;
  std::string path_;
};

Plan make_plan(std::uint64_t count, std::uint64_t& asked, std::uint32_t batch,
               std::optional<std::uint64_t> limit = std::nullopt) {
  Sampling sampling;
  sampling.limit = limit;
  return {make_sampler(std::make_unique<CountingSource>(count, asked), sampling, {}), BatchGrid(batch)};
}

TEST(Plan, ChunksNeverCrossABatch) {
  std::uint64_t asked = 0;
  Plan plan = make_plan(11, asked, 5);
  std::vector<std::pair<std::uint64_t, std::size_t>> seen;
  while (const auto chunk = plan.next_chunk(3)) {
    EXPECT_EQ(chunk->batch, chunk->first_item / 5);
    seen.emplace_back(chunk->first_item, chunk->items.size());
  }
  const std::vector<std::pair<std::uint64_t, std::size_t>> expected{{0, 3}, {3, 2}, {5, 3}, {8, 2}, {10, 1}};
  EXPECT_EQ(seen, expected);
  EXPECT_TRUE(plan.complete());
  EXPECT_EQ(plan.total(), 11U);
}

TEST(Plan, CopiesPathAndLabel) {
  std::uint64_t asked = 0;
  Plan plan = make_plan(2, asked, 8);
  const auto chunk = plan.next_chunk(8);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->items[1].path, "1");
  EXPECT_EQ(chunk->items[1].label, "label");
}

TEST(Plan, TheLimitEndsItWithoutAskingFurther) {
  std::uint64_t asked = 0;
  Plan plan = make_plan(1'000'000, asked, 4, 6);
  while (plan.next_chunk(4)) {
  }
  EXPECT_EQ(plan.planned(), 6U);
  EXPECT_EQ(asked, 6U);
}

TEST(Plan, LooksAtNoMoreThanItPlans) {
  std::uint64_t asked = 0;
  Plan plan = make_plan(1'000'000, asked, 64);
  ASSERT_TRUE(plan.next_chunk(16));
  EXPECT_EQ(asked, 16U);
  EXPECT_FALSE(plan.total());
}

TEST(Plan, BatchesEndWithTheirEpochAndSkipWhatIsDone) {
  std::uint64_t asked = 0;
  Sampling sampling;
  sampling.epochs = 3;
  DoneItems done;
  done.ranges = {{0, 7}, {9, 10}};  // of epochs of 5
  for (int item = 0; item < 7; ++item) done.prefix.add(std::to_string(item % 5), "label");
  auto sampler = make_sampler(std::make_unique<CountingSource>(5, asked), sampling, done);
  const BatchGrid grid(4, sampler->epoch_sizes());
  Plan plan(std::move(sampler), grid);
  std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>> seen;
  while (const auto chunk = plan.next_chunk(3)) {
    for (const PlannedItem& item : chunk->items)
      seen.emplace_back(chunk->batch, item.index, item.item, chunk->epoch);
  }
  const decltype(seen) expected{{0, 7, 2, 1},  {0, 8, 3, 1},  {1, 10, 0, 2}, {1, 11, 1, 2},
                                {1, 12, 2, 2}, {1, 13, 3, 2}, {2, 14, 4, 2}};
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(plan.total(), 7U);
}

TEST(Plan, AnEmptySourceIsComplete) {
  std::uint64_t asked = 0;
  Plan plan = make_plan(0, asked, 64);
  EXPECT_FALSE(plan.next_chunk(16));
  EXPECT_EQ(plan.total(), 0U);
}

}  // namespace
}  // namespace forebay
