#include "pipeline/flow/plan.h"

#include <gtest/gtest.h>

#include <string>

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

TEST(Plan, ChunksNeverCrossABatch) {
  std::uint64_t asked = 0;
  Plan plan(std::make_unique<CountingSource>(11, asked), 5, std::nullopt);
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
  Plan plan(std::make_unique<CountingSource>(2, asked), 8, std::nullopt);
  const auto chunk = plan.next_chunk(8);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->items[1].path, "1");
  EXPECT_EQ(chunk->items[1].label, "label");
}

TEST(Plan, TheLimitEndsItWithoutAskingFurther) {
  std::uint64_t asked = 0;
  Plan plan(std::make_unique<CountingSource>(1'000'000, asked), 4, 6);
  while (plan.next_chunk(4)) {
  }
  EXPECT_EQ(plan.planned(), 6U);
  EXPECT_EQ(asked, 6U);
}

TEST(Plan, LooksAtNoMoreThanItPlans) {
  std::uint64_t asked = 0;
  Plan plan(std::make_unique<CountingSource>(1'000'000, asked), 64, std::nullopt);
  ASSERT_TRUE(plan.next_chunk(16));
  EXPECT_EQ(asked, 16U);
  EXPECT_FALSE(plan.total());
}

TEST(Plan, AnEmptySourceIsComplete) {
  std::uint64_t asked = 0;
  Plan plan(std::make_unique<CountingSource>(0, asked), 64, std::nullopt);
  EXPECT_FALSE(plan.next_chunk(16));
  EXPECT_EQ(plan.total(), 0U);
}

}  // namespace
}  // namespace forebay
