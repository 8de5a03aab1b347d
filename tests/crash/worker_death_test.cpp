#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <cstring>
#include <random>
#include <set>
#include <thread>

#include "host/error.h"
#include "pipeline/pipeline.h"
#include "tests/crash/marks.h"

namespace forebay {
namespace {

using testing_marks::first_time;
using testing_marks::Marks;

void no_core_files() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

void fill(Item& item) {
  const TensorView tensor = item.emplace(DType::i64, {8});
  auto* values = static_cast<std::int64_t*>(tensor.data);
  for (int i = 0; i < 8; ++i) values[i] = static_cast<std::int64_t>(item.index()) * 8 + i;
}

/// Ends the worker at every 50th item, once each, in another way each time.
void fill_or_die_once(Item& item) {
  fill(item);
  if (item.index() % 50 != 25 || !first_time(std::to_string(item.index()))) return;
  switch (item.index() / 50 % 4) {
    case 0: ::raise(SIGKILL); break;
    case 1:
      no_core_files();
      ::raise(SIGSEGV);
      break;
    case 2: ::_exit(3);
    default: no_core_files(); std::abort();
  }
}

PipelineOptions options_with(std::uint32_t batch) {
  PipelineOptions options;
  options.workers = 2;
  options.batch = batch;
  return options;
}

struct Outcome {
  std::vector<std::int64_t> values;
  std::vector<ItemRecord> items;
  RunStats stats;
};

Outcome run(PipelineBuilder& builder) {
  Outcome outcome;
  Pipeline pipeline = builder.start();
  for (const Batch& batch : pipeline) {
    if (batch.rows() > 0) {
      const auto* values = static_cast<const std::int64_t*>(batch.tensor().data);
      outcome.values.insert(outcome.values.end(), values, values + batch.tensor().elements());
    }
    outcome.items.insert(outcome.items.end(), batch.items().begin(), batch.items().end());
  }
  outcome.stats = pipeline.stats();
  return outcome;
}

std::uint32_t restarts_of(const RunStats& stats) {
  std::uint32_t restarts = 0;
  for (const WorkerStats& worker : stats.workers) restarts += worker.restarts;
  return restarts;
}

TEST(WorkerDeath, AtAnItemIsRunAgainWithTheSameResult) {
  const Marks marks;
  const Outcome outcome =
      run(PipelineBuilder::range(1000).options(options_with(64)).host_stage(fill_or_die_once));
  ASSERT_EQ(outcome.items.size(), 1000U);
  ASSERT_EQ(outcome.values.size(), 8000U);
  for (std::size_t i = 0; i < outcome.values.size(); ++i)
    ASSERT_EQ(outcome.values[i], static_cast<std::int64_t>(i));
  for (const ItemRecord& item : outcome.items) {
    EXPECT_TRUE(item.ok()) << item.index << ": " << item.message;
    EXPECT_EQ(item.attempts, item.index % 50 == 25 ? 2U : 1U)
        << "only the guilty item is charged: " << item.index;
  }
  EXPECT_EQ(restarts_of(outcome.stats), 20U);
}

TEST(WorkerDeath, APoisonItemIsQuarantinedAndItsNeighboursAreNot) {
  const Outcome outcome =
      run(PipelineBuilder::range(100).options(options_with(20)).host_stage([](Item& item) {
        fill(item);
        if (item.index() == 33) ::_exit(7);
      }));
  ASSERT_EQ(outcome.items.size(), 100U);
  for (const ItemRecord& item : outcome.items) {
    if (item.index == 33) {
      EXPECT_EQ(item.error, ItemErrorCode::worker_died);
      EXPECT_EQ(item.attempts, 3U);
      EXPECT_NE(item.message.find("exit code 7"), std::string::npos) << item.message;
    } else {
      EXPECT_TRUE(item.ok()) << item.index << ": " << item.message;
      EXPECT_EQ(item.attempts, 1U) << item.index;
    }
  }
}

TEST(WorkerDeath, ManyPoisonItemsInARowDoNotEndTheRun) {
  const Outcome outcome = run(PipelineBuilder::range(40).options(options_with(40)).host_stage([](Item& item) {
    fill(item);
    if (item.index() >= 10 && item.index() < 25) ::_exit(7);
  }));
  EXPECT_EQ(outcome.stats.rows, 25U);
  EXPECT_EQ(outcome.stats.errors.at("worker_died"), 15U);
}

TEST(WorkerDeath, BeforeAnyItemEndsInAClearErrorNotALoop) {
  // A stage that lives in a worker which dies at once whatever the item: every item is poison, and each is
  // charged, so the run ends with all of them quarantined and no hang.
  const Outcome outcome =
      run(PipelineBuilder::range(6).options(options_with(6)).host_stage([](Item&) { ::_exit(1); }));
  EXPECT_EQ(outcome.stats.rows, 0U);
  EXPECT_EQ(outcome.stats.errors.at("worker_died"), 6U);
}

TEST(WorkerDeath, RandomKillsFromOutsideChangeNothing) {
  PipelineOptions options = options_with(64);
  constexpr std::uint64_t count = 20'000;
  Pipeline pipeline = PipelineBuilder::range(count)
                          .options(options)
                          .host_stage([](Item& item) {
                            fill(item);
                            // About 20 µs of work, so that a kill hits items and not only the pauses between.
                            const auto until =
                                std::chrono::steady_clock::now() + std::chrono::microseconds(20);
                            while (std::chrono::steady_clock::now() < until) {
                            }
                          })
                          .start();
  std::mt19937 random(4711);
  std::uint64_t next = 0;
  std::uint64_t kills = 0;
  for (const Batch& batch : pipeline) {
    const auto* values = static_cast<const std::int64_t*>(batch.tensor().data);
    for (const ItemRecord& item : batch.items()) {
      ASSERT_TRUE(item.ok()) << item.message;
      ASSERT_EQ(item.index, next);
      ASSERT_EQ(*values, static_cast<std::int64_t>(next) * 8);
      values += 8;
      ++next;
    }
    if (random() % 8 == 0) {
      const RunStats stats = pipeline.stats();
      const pid_t victim = stats.workers[random() % stats.workers.size()].pid;
      if (::kill(victim, SIGKILL) == 0) ++kills;
    }
  }
  EXPECT_EQ(next, count);
  EXPECT_GT(kills, 10U);
  EXPECT_GT(restarts_of(pipeline.stats()), 5U);
}

TEST(WorkerDeath, LeavesNoDescriptorBehind) {
  const auto open_fds = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator{});
  };
  const Marks marks;
  static_cast<void>(run(PipelineBuilder::range(10).options(options_with(8)).host_stage(fill)));
  const auto before = open_fds();
  static_cast<void>(run(PipelineBuilder::range(1000).options(options_with(64)).host_stage(fill_or_die_once)));
  EXPECT_EQ(open_fds(), before);
}

}  // namespace
}  // namespace forebay
