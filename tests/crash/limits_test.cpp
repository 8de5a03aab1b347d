#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "host/limits.h"
#include "host/process/child.h"
#include "host/process/process_wait.h"
#include "pipeline/pipeline.h"
#include "tests/crash/marks.h"

// Items that take too long or too much, and workers that are stopped.
namespace forebay {
namespace {

using namespace std::chrono_literals;
using testing_marks::first_time;
using testing_marks::Marks;

void fill(Item& item) {
  *static_cast<std::int64_t*>(item.emplace(DType::i64, {1}).data) = static_cast<std::int64_t>(item.index());
}

PipelineOptions small() {
  PipelineOptions options;
  options.workers = 2;
  options.batch = 20;
  return options;
}

struct Outcome {
  std::vector<ItemRecord> items;
  RunStats stats;
  std::chrono::steady_clock::duration time{};
};

Outcome run(PipelineBuilder& builder) {
  Outcome outcome;
  const auto begin = std::chrono::steady_clock::now();
  Pipeline pipeline = builder.start();
  while (const auto batch = pipeline.next())
    outcome.items.insert(outcome.items.end(), batch->items().begin(), batch->items().end());
  outcome.stats = pipeline.stats();
  outcome.time = std::chrono::steady_clock::now() - begin;
  return outcome;
}

bool says(const RunStats& stats, const std::string& text) {
  return std::any_of(stats.notices.begin(), stats.notices.end(),
                     [&](const Notice& notice) { return notice.text.find(text) != std::string::npos; });
}

void expect_only_this_failed(const Outcome& outcome, std::uint64_t guilty, ItemErrorCode code) {
  ASSERT_FALSE(outcome.items.empty());
  for (const ItemRecord& item : outcome.items) {
    if (item.index == guilty) {
      EXPECT_EQ(item.error, code) << item.message;
      ASSERT_NE(item.quarantine, nullptr);
    } else {
      EXPECT_TRUE(item.ok()) << item.index << ": " << item.message;
      EXPECT_EQ(item.attempts, 1U) << item.index;
      EXPECT_EQ(item.quarantine, nullptr);
    }
  }
}

TEST(ItemTimeout, AnItemThatHangsIsQuarantinedAfterItsAttemptsAndNoOtherIs) {
  PipelineOptions options = small();
  options.attempts = 2;
  options.item_timeout = 1s;  // a neighbour may lose its core for some of it
  const Outcome outcome = run(PipelineBuilder::range(60).options(options).host_stage([](Item& item) {
    fill(item);
    if (item.index() == 33) std::this_thread::sleep_for(1h);
  }));
  ASSERT_EQ(outcome.items.size(), 60U);
  expect_only_this_failed(outcome, 33, ItemErrorCode::timed_out);
  const Quarantine& evidence = *outcome.items[33].quarantine;
  EXPECT_EQ(evidence.attempts, 2U);
  EXPECT_EQ(evidence.last_step, "host stage 1");
  EXPECT_GE(evidence.seconds, 0.99);
  EXPECT_LT(evidence.seconds, 30);
  EXPECT_NE(outcome.items[33].message.find("ran longer than 1 s"), std::string::npos)
      << outcome.items[33].message;
  EXPECT_TRUE(says(outcome.stats, "works at item 33")) << "a stall is reported before it is ended";
  EXPECT_TRUE(says(outcome.stats, "quarantined after 2 attempts"));
}

TEST(ItemTimeout, AChunkMayTakeLongerThanAnItem) {
  PipelineOptions options = small();
  options.item_timeout = 2s;
  const Outcome outcome = run(PipelineBuilder::range(40).options(options).host_stage([](Item& item) {
    fill(item);
    std::this_thread::sleep_for(150ms);  // a chunk is a batch, so it takes 3 s
  }));
  for (const ItemRecord& item : outcome.items) EXPECT_TRUE(item.ok()) << item.index << ": " << item.message;
  EXPECT_EQ(outcome.stats.workers[0].restarts + outcome.stats.workers[1].restarts, 0U);
}

TEST(ItemMemory, WantOfMemoryWithoutALimitIsTriedAgain) {
  const Marks marks;
  const Outcome outcome = run(PipelineBuilder::range(60).options(small()).host_stage([](Item& item) {
    fill(item);
    if (item.index() == 33 && first_time("want")) throw std::bad_alloc();
  }));
  ASSERT_EQ(outcome.items.size(), 60U);
  for (const ItemRecord& item : outcome.items) {
    EXPECT_TRUE(item.ok()) << item.index << ": " << item.message;
    EXPECT_EQ(item.attempts, item.index == 33 ? 2U : 1U) << item.index;
  }
  EXPECT_TRUE(says(outcome.stats, "found no memory at item 33")) << "it is said";
}

TEST(ItemMemory, AnItemThatNeverFindsAnyIsQuarantined) {
  const Outcome outcome = run(PipelineBuilder::range(60).options(small()).host_stage([](Item& item) {
    fill(item);
    if (item.index() == 33) throw std::bad_alloc();
  }));
  ASSERT_EQ(outcome.items.size(), 60U);
  expect_only_this_failed(outcome, 33, ItemErrorCode::no_memory);
  EXPECT_EQ(outcome.items[33].quarantine->attempts, limits::item_attempts);
}

TEST(ItemMemory, AWorkerInThisProcessDoesNotEndForIt) {
  PipelineOptions options = small();
  options.workers = 0;
  const Outcome outcome = run(PipelineBuilder::range(60).options(options).host_stage([](Item& item) {
    fill(item);
    if (item.index() == 33) throw std::bad_alloc();
  }));
  ASSERT_EQ(outcome.items.size(), 60U);
  EXPECT_EQ(outcome.items[33].error, ItemErrorCode::no_memory);
  EXPECT_EQ(outcome.items[33].attempts, 1U);
}

TEST(ItemMemory, AnItemThatTakesTooMuchIsQuarantinedAndNoOtherIs) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory would be limited: --item-memory-mb is off here";
#endif
  PipelineOptions options = small();
  options.item_memory_bytes = std::uint64_t{64} << 20U;
  const Outcome outcome = run(PipelineBuilder::range(60).options(options).host_stage([](Item& item) {
    fill(item);
    std::vector<char> memory((item.index() == 7 ? 80 : 40) << 20U, 1);
  }));
  ASSERT_EQ(outcome.items.size(), 60U);
  expect_only_this_failed(outcome, 7, ItemErrorCode::memory_limit);
  EXPECT_NE(outcome.items[7].message.find("64 MiB"), std::string::npos) << outcome.items[7].message;
}

TEST(ItemMemory, WhatEarlierItemsLeakedIsNotChargedToALaterOne) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory would be limited: --item-memory-mb is off here";
#endif
  PipelineOptions options = small();
  options.attempts = 1;
  options.item_memory_bytes = std::uint64_t{64} << 20U;
  const Outcome outcome = run(PipelineBuilder::range(60).options(options).host_stage([](Item& item) {
    static std::vector<std::vector<char>> leaked;
    fill(item);
    leaked.emplace_back(std::size_t{10} << 20U, 1);
  }));
  for (const ItemRecord& item : outcome.items) EXPECT_TRUE(item.ok()) << item.index << ": " << item.message;
  EXPECT_GT(outcome.stats.workers[0].restarts + outcome.stats.workers[1].restarts, 2U);
}

TEST(StoppedWorker, IsFoundAndReplacedAndItsItemIsNotCharged) {
  const Marks marks;
  const Outcome outcome = run(PipelineBuilder::range(60).options(small()).host_stage([](Item& item) {
    fill(item);
    if (item.index() == 33 && first_time("stopped")) ::raise(SIGSTOP);
  }));
  ASSERT_EQ(outcome.items.size(), 60U);
  for (const ItemRecord& item : outcome.items) EXPECT_TRUE(item.ok()) << item.index << ": " << item.message;
  EXPECT_EQ(outcome.items[33].attempts, 2U);
  EXPECT_TRUE(says(outcome.stats, "was stopped (SIGSTOP) and not continued"));
  EXPECT_GE(outcome.time, limits::stopped_patience);
  EXPECT_LT(outcome.time, limits::stopped_patience + 10s);
}

TEST(StoppedWorker, OneThatIsContinuedInTimeLivesOn) {
  Pipeline pipeline = PipelineBuilder::range(400)
                          .options(small())
                          .host_stage([](Item& item) {
                            fill(item);
                            std::this_thread::sleep_for(2ms);
                          })
                          .start();
  std::uint64_t items = 0;
  pid_t stopped = 0;
  std::jthread waker;
  while (const auto batch = pipeline.next()) {
    items += batch->items().size();
    if (stopped != 0) continue;
    stopped = pipeline.stats().workers[0].pid;
    ASSERT_EQ(::kill(stopped, SIGSTOP), 0);
    waker = std::jthread([stopped] {
      std::this_thread::sleep_for(limits::stopped_patience / 3);
      ::kill(stopped, SIGCONT);
    });
  }
  EXPECT_EQ(items, 400U);
  EXPECT_EQ(pipeline.stats().workers[0].restarts, 0U);
}

/// A coordinator that is stopped while its workers work, as Ctrl+Z does, and longer than any limit.
int coordinator_main(Channel channel) {
  PipelineOptions options = small();
  options.item_timeout = 2s;
  Pipeline pipeline = PipelineBuilder::range(200)
                          .options(options)
                          .host_stage([](Item& item) {
                            fill(item);
                            std::this_thread::sleep_for(10ms);
                          })
                          .start();
  struct {
    std::uint64_t items = 0;
    std::uint64_t failed = 0;
    std::uint64_t restarts = 0;
  } figures;
  while (const auto batch = pipeline.next()) {
    figures.items += batch->items().size();
    figures.failed += batch->items().size() - batch->rows();
    if (figures.items == 20) ::raise(SIGSTOP);
  }
  for (const WorkerStats& worker : pipeline.stats().workers) figures.restarts += worker.restarts;
  return channel.try_send(figures) == SendResult::sent && figures.items == 200 && figures.failed == 0 &&
                 figures.restarts == 0
             ? 0
             : 1;
}

TEST(StoppedCoordinator, KillsNobodyWhenItGoesOn) {
  Child child = Child::spawn(&coordinator_main, {"forebay: test coordinator", "forebay-test"});
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!is_stopped(child.pid()) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(10ms);
  ASSERT_TRUE(is_stopped(child.pid()));
  std::this_thread::sleep_for(limits::stopped_patience + 1s);  // longer than item_timeout, and than patience
  child.signal(SIGCONT);
  const auto status = child.wait_until(deadline);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->exit_code, 0) << describe(*status);
}

}  // namespace
}  // namespace forebay
