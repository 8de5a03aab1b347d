// What an owner had finished when it is killed: kept on the cpu, not where a device stage changes whole
// batches.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/crash/solid_pictures.h"

namespace forebay {
namespace {

using testing_pictures::edge;
using testing_pictures::expect_rows;
using testing_pictures::Outcome;
using testing_pictures::small_options;
using testing_pictures::SolidPictures;
using testing_pictures::take_all;

constexpr std::uint32_t count = 250;  // one batch of four chunks

/// Two slots: before the third chunk is decoded the first one's slot has been given back.
PipelineOptions options(Order order) {
  PipelineOptions options = small_options(256, Placement::owner, order);
  options.workers = 1;
  options.slots = 2;
  options.slot_bytes = 512 * 1024;
  return options;
}

/// The first owner that has reported its `visit`-th chunk is killed.
Outcome run_with_death(const SolidPictures& pictures, unsigned visit, PipelineBuilder&& builder) {
  const std::string token = pictures.folder() + "/../token-" + std::to_string(::getpid());
  std::ofstream(token) << "token";
  ::setenv("FOREBAY_CRASH_POINT", ("pipeline.owner.released:" + std::to_string(visit) + ":" + token).c_str(),
           1);
  Outcome outcome = take_all(builder);
  ::unsetenv("FOREBAY_CRASH_POINT");
  EXPECT_FALSE(std::filesystem::remove(token)) << "no owner came to chunk " << visit;
  EXPECT_EQ(outcome.stats.owner.restarts, 1U);
  return outcome;
}

TEST(OwnerKeeps, WhatItHadFinishedIsNotDecodedAgain) {
  const SolidPictures pictures(count, {});
  for (const Order order : {Order::index, Order::completion}) {
    for (const unsigned visit : {1U, 2U, 3U, 4U}) {
      SCOPED_TRACE(visit);
      const Outcome outcome = run_with_death(
          pictures, visit, std::move(PipelineBuilder::pictures({pictures.folder()}).options(options(order))));
      expect_rows(outcome, count, {});
      for (const auto& [index, item] : outcome.items) EXPECT_EQ(item.attempts, 1U) << index;
    }
  }
}

/// All chunks have been reported when the owner is killed, and no other gets ready.
TEST(OwnerKeeps, ABatchThatIsCompleteNeedsNoNewOwner) {
  const SolidPictures pictures(count, {});
  const std::string token = pictures.folder() + "/../token-" + std::to_string(::getpid());
  std::ofstream(token) << "token";
  ::setenv("FOREBAY_CRASH_POINT", ("pipeline.owner.released:4:" + token).c_str(), 1);
  Pipeline pipeline = PipelineBuilder::pictures({pictures.folder()}).options(options(Order::index)).start();
  ::setenv("FOREBAY_FAULT", "pin:1+:sticky", 1);  // of owners that start from now on
  std::size_t rows = 0;
  std::string error;
  try {
    while (const auto batch = pipeline.next()) rows += batch->rows();
  } catch (const Error& thrown) {
    error = thrown.what();
  }
  ::unsetenv("FOREBAY_FAULT");
  ::unsetenv("FOREBAY_CRASH_POINT");
  EXPECT_FALSE(std::filesystem::remove(token)) << "the owner was not killed";
  EXPECT_EQ(rows, count) << error;
}

TEST(OwnerKeeps, NothingThatAStageHasNotSeen) {
  const SolidPictures pictures(count, {});
  ::setenv("FOREBAY_TEST_POISON", "invert", 1);
  for (const unsigned visit : {1U, 2U, 3U, 4U}) {
    SCOPED_TRACE(visit);
    const Outcome outcome = run_with_death(pictures, visit,
                                           std::move(PipelineBuilder::pictures({pictures.folder()})
                                                         .options(options(Order::index))
                                                         .device_stage("Poison", FOREBAY_POISON_MODULE)));
    ASSERT_EQ(outcome.rows.size(), count) << outcome.error << outcome.notices();
    for (const auto& [index, row] : outcome.rows) {
      for (std::size_t i = 0; i < row.size(); i += 3) {
        ASSERT_EQ(row[i], 255 - index);
        ASSERT_EQ(row[i + 2], index);
      }
    }
  }
  ::unsetenv("FOREBAY_TEST_POISON");
}

}  // namespace
}  // namespace forebay
