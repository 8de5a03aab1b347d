// Pictures that make the device fail: found, quarantined, and nobody else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/crash/solid_pictures.h"

namespace forebay {
namespace {

using testing_pictures::expect_rows;
using testing_pictures::Outcome;
using testing_pictures::small_options;
using testing_pictures::SolidPictures;
using testing_pictures::take_all;

Outcome run(std::uint32_t count, const std::set<std::uint64_t>& guilty, const char* weapon,
            const PipelineOptions& options) {
  const SolidPictures pictures(count, guilty);
  ::setenv("FOREBAY_TEST_POISON", weapon, 1);
  Outcome outcome = take_all(PipelineBuilder::pictures({pictures.folder()})
                                 .options(options)
                                 .device_stage("Poison", FOREBAY_POISON_MODULE));
  ::unsetenv("FOREBAY_TEST_POISON");
  return outcome;
}

TEST(DevicePoison, IsFoundAtEveryPlaceOfABatch) {
  const std::set<std::uint64_t> cases[] = {{0},
                                           {8},
                                           {15},
                                           {11},
                                           {9, 10, 14},
                                           {8, 15},
                                           {19},
                                           {3, 12, 17},
                                           {16, 17, 18, 19},
                                           {8, 9, 10, 11, 12, 13, 14, 15}};
  for (const auto& guilty : cases) {
    const Outcome outcome = run(20, guilty, "segv", small_options(8));
    expect_rows(outcome, 20, guilty);
    EXPECT_GE(outcome.stats.owner.restarts, 3 * guilty.size());
    EXPECT_TRUE(std::is_sorted(outcome.order.begin(), outcome.order.end()));
  }
}

TEST(DevicePoison, EveryWeaponBothPlacementsBothOrders) {
  const std::set<std::uint64_t> guilty{2, 13};
  for (const char* weapon : {"throw", "segv", "exit", "kill"}) {
    for (const Placement placement : {Placement::owner, Placement::worker}) {
      for (const Order order : {Order::index, Order::completion}) {
        SCOPED_TRACE(weapon);
        expect_rows(run(20, guilty, weapon, small_options(8, placement, order)), 20, guilty);
      }
    }
  }
}

TEST(DevicePoison, BatchesOfOne) {
  for (const std::set<std::uint64_t>& guilty : {std::set<std::uint64_t>{0}, {4}, {6, 7}, {9}}) {
    expect_rows(run(10, guilty, "throw", small_options(1)), 10, guilty);
  }
}

TEST(DevicePoison, AttemptsAreAnOption) {
  for (const std::uint32_t attempts : {1U, 5U}) {
    for (const char* weapon : {"throw", "segv"}) {
      PipelineOptions options = small_options(8);
      options.attempts = attempts;
      const Outcome outcome = run(20, {8}, weapon, options);
      ASSERT_EQ(outcome.error, "");
      EXPECT_EQ(outcome.rows.size(), 19U);
      ASSERT_TRUE(outcome.items.at(8).quarantine) << outcome.notices();
      EXPECT_EQ(outcome.items.at(8).quarantine->attempts, attempts);
    }
  }
}

TEST(DevicePoison, AStageThatThrowsKeepsItsOwnerUntilTheLastTry) {
  const Outcome outcome = run(20, {11}, "throw", small_options(8));
  expect_rows(outcome, 20, {11});
  EXPECT_EQ(outcome.stats.owner.restarts, 1U) << outcome.notices();
  EXPECT_NE(outcome.items.at(11).message.find("this pixel hurts"), std::string::npos);
}

TEST(DevicePoison, UnderFailTheRunEndsInOrderAtTheGuiltyItem) {
  for (const char* weapon : {"throw", "segv"}) {
    PipelineOptions options = small_options(8);
    options.on_error = OnError::fail;
    const Outcome outcome = run(28, {11, 22}, weapon, options);
    ASSERT_EQ(outcome.error, "");
    ASSERT_TRUE(outcome.failure) << outcome.notices();
    EXPECT_EQ(outcome.failure->index, 11U);
    EXPECT_EQ(outcome.failure->error, ItemErrorCode::device_failed);
    EXPECT_EQ(outcome.items.size(), 12U);
    EXPECT_EQ(outcome.rows.size(), 11U);
  }
}

TEST(DevicePoison, TheNoticesTellTheStory) {
  const Outcome outcome = run(20, {11}, "segv", small_options(8));
  const std::string story = outcome.notices();
  for (const char* word :
       {"died at work", "SIGSEGV", "batch 1 (items 8 to 15)", "built again", "going on with 4 at a time",
        "going on with 1 at a time", "0011.png is quarantined", "takes over"}) {
    EXPECT_NE(story.find(word), std::string::npos) << word << " in:\n" << story;
  }
  for (const Notice& notice : outcome.stats.notices) EXPECT_EQ(notice.text.find('\n'), std::string::npos);
}

TEST(DevicePoison, ADeviceThatBreaksForGoodCondemnsNothing) {
  std::set<std::uint64_t> from_16;
  for (std::uint64_t i = 16; i < 60; ++i) from_16.insert(i);
  const Outcome outcome = run(60, from_16, "throw", small_options(8));
  EXPECT_NE(outcome.error.find("in a row without completing anything"), std::string::npos) << outcome.error;
  EXPECT_EQ(outcome.items.size(), 16U) << "what it did is delivered";
  for (const auto& [index, item] : outcome.items) EXPECT_TRUE(item.ok()) << index;
}

TEST(DevicePoison, OnlyPicturesThatHurtEndTheRun) {
  std::set<std::uint64_t> all;
  for (std::uint64_t i = 0; i < 20; ++i) all.insert(i);
  const Outcome outcome = run(20, all, "throw", small_options(8));
  EXPECT_NE(outcome.error.find("this pixel hurts"), std::string::npos) << outcome.error;
  EXPECT_TRUE(outcome.items.empty());
}

}  // namespace
}  // namespace forebay
