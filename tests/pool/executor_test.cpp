#include "host/pool/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <ranges>
#include <set>
#include <string>
#include <vector>

#include "host/pool/as_completed.h"
#include "host/pool/wait.h"
#include "host/process/process.h"
#include "tests/pool/pool_probe.h"

namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

template <typename R>
std::vector<R> all_of(Results<R> results) {
  std::vector<R> all;
  for (R& result : results) all.push_back(std::move(result));
  return all;
}

TEST(X1, SubmitAndMapGiveResultsAndExceptions) {
  ProcessPoolExecutor executor(2);
  EXPECT_EQ(executor.submit(square, 4).result(), 16);
  EXPECT_EQ(executor.submit(sum, 4, 5).result(patience), 9);
  executor.submit(nap, 0).result();
  EXPECT_EQ(*executor.submit([] { return std::make_unique<int>(3); }).result(), 3);
  EXPECT_THROW(executor.submit(fail, "words").result(), std::out_of_range);
  EXPECT_NE(executor.submit(fail, "words").exception(), nullptr);
  EXPECT_EQ(executor.submit(square, 1).exception(), nullptr);

  EXPECT_THAT(all_of(executor.map(square, std::views::iota(0, 5))), ElementsAre(0, 1, 4, 9, 16));
  EXPECT_THAT(all_of(executor.map(sum, std::vector{1, 2, 3}, std::vector{10, 20})), ElementsAre(11, 22))
      << "as many as the shortest has";
  EXPECT_THAT(all_of(executor.map(square, std::vector<int>{})), ElementsAre());
  auto walk = executor.map([](int x) { return 60 / (x == 2 ? throw std::range_error("two") : x); },
                           std::vector{1, 2, 3});
  EXPECT_EQ(walk.next(), 60);
  EXPECT_THROW(walk.next(), std::range_error);
  EXPECT_EQ(walk.next(), 20) << "unlike Python's, the walk goes on";
}

TEST(X1, MapsTimeoutIsCountedFromTheCall) {
  ProcessPoolExecutor executor(1);
  const Gate gate;
  struct Last {
    Gate gate;
    int operator()(int item) const {
      if (item == 1) gate.pass();
      return item;
    }
  };
  EXPECT_EQ(executor.submit(square, 1).result(patience), 1) << "a worker's start is no part of what follows";
  const Stopwatch watch;
  auto walk = executor.map({.timeout = 2s, .buffer_size = {}}, Last{gate}, std::vector{0, 1});
  EXPECT_EQ(walk.next(), 0);
  EXPECT_THROW(walk.next(), TimeoutError);
  EXPECT_GE(watch.elapsed(), 1995ms);
  EXPECT_LT(watch.elapsed(), 5s);
  EXPECT_THROW(walk.next(), TimeoutError) << "at once from then on";
  gate.open();
}

TEST(X1, ABufferSizeBoundsWhatMapReadsAhead) {
  ProcessPoolExecutor executor(2);
  std::atomic<int> read = 0;
  auto endless = std::views::iota(0) | std::views::transform([&read](int i) { return ++read, i; });
  auto walk = executor.map({.timeout = {}, .chunk_size = 2, .buffer_size = 6}, square, endless);
  EXPECT_EQ(read, 6);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(walk.next(), square(i));
  EXPECT_LE(read, 108);
  EXPECT_EQ(error_code_of([&] { executor.map({.timeout = {}, .buffer_size = 0}, square, endless); }),
            ErrorCode::usage);
  EXPECT_EQ(error_code_of(
                [&] { executor.map({.timeout = {}, .chunk_size = 0, .buffer_size = {}}, square, endless); }),
            ErrorCode::usage);
  EXPECT_THROW(all_of(executor.map(square, std::views::iota(0, 9) | std::views::transform([](int i) {
                                             return i == 4 ? throw std::range_error("source") : i;
                                           }))),
               std::range_error);
}

TEST(X2, AfterShutdownSubmitIsAnErrorAndAllPendingIsDone) {
  ProcessPoolExecutor executor(2);
  std::vector<Future<int>> futures;
  for (int task = 0; task < 50; ++task) futures.push_back(executor.submit(square, task));
  executor.shutdown();
  for (int task = 0; task < 50; ++task) {
    ASSERT_TRUE(futures[static_cast<std::size_t>(task)].done());
    EXPECT_EQ(futures[static_cast<std::size_t>(task)].result(), square(task));
  }
  EXPECT_THAT(words_of<Error>([&] { static_cast<void>(executor.submit(square, 1)); }),
              HasSubstr("takes no more tasks"));
  EXPECT_EQ(error_code_of([&] { static_cast<void>(executor.map(square, std::vector{1})); }),
            ErrorCode::usage);
  executor.shutdown();
  executor.shutdown(false, true);
}

TEST(X3, CancelFuturesLeavesNonePending) {
  ProcessPoolExecutor executor(2);
  const Gate gate;
  std::vector<Future<int>> futures;
  for (int task = 0; task < 2; ++task) futures.push_back(executor.submit(pass_gate, gate));
  ASSERT_TRUE(gate.waits(2));
  for (int task = 0; task < 600; ++task) futures.push_back(executor.submit(square, task));
  auto walk = executor.map(square, std::vector{1, 2});
  executor.shutdown(false, true);
  EXPECT_EQ(gate.arrived(), 2);
  for (std::size_t task = 2; task < futures.size(); ++task) {
    ASSERT_TRUE(futures[task].cancelled()) << "also what a worker had been sent already: task " << task;
  }
  EXPECT_THROW(walk.next(patience), CancelledError);
  EXPECT_FALSE(futures[0].done());
  gate.open();
  executor.shutdown();
  EXPECT_EQ(futures[0].result(0ms), 1);
  EXPECT_EQ(futures[1].result(0ms), 1) << "what runs is done";
}

TEST(X4, ShutdownWithoutWaitingLetsTheWorkersFinish) {
  ProcessPoolExecutor executor(2);
  const Gate gate;
  std::vector<Future<int>> futures;
  for (int task = 0; task < 5; ++task) futures.push_back(executor.submit(pass_gate, gate));
  ASSERT_TRUE(gate.waits(2));
  const std::vector<pid_t> workers = executor.worker_pids();
  const Stopwatch watch;
  executor.shutdown(false);
  EXPECT_LT(watch.elapsed(), 1s);
  EXPECT_FALSE(futures[4].done());
  EXPECT_EQ(error_code_of([&] { static_cast<void>(executor.submit(square, 1)); }), ErrorCode::usage);
  gate.open();
  for (const auto& future : futures) EXPECT_EQ(future.result(patience), 1);
  EXPECT_TRUE(eventually([&] { return all_gone(workers); })) << "and end by themselves (gh-132969)";

  // Results that a waiter takes itself still end the workers of an executor that was shut down (gh-94440).
  ProcessPoolExecutor idle(1);
  EXPECT_EQ(idle.submit(square, 2).result(), 4);
  const auto last = idle.submit(square, 3);
  idle.shutdown(false);
  EXPECT_EQ(last.result(), 9);
  EXPECT_TRUE(eventually([&] { return idle.worker_pids().empty(); }));
}

TEST(X4, ADroppedExecutorThatWasShutDownWithoutWaitingIsDoneFirst) {
  const Gate gate;
  Future<int> future;
  std::thread opener;
  {
    ProcessPoolExecutor executor(1);
    future = executor.submit(pass_gate, gate);
    executor.shutdown(false);
    opener = std::thread([&gate] {
      EXPECT_TRUE(gate.waits(1));
      gate.open();
    });
  }
  opener.join();
  EXPECT_EQ(future.result(0ms), 1);
}

TEST(X5, NoProcessIsLeftAfterShutdownAndDestruction) {
  std::vector<pid_t> workers;
  Future<int> future;
  {
    ProcessPoolExecutor executor(3);
    for (const int result : executor.map(square, std::views::iota(0, 9))) EXPECT_GE(result, 0);
    workers = executor.worker_pids();
    EXPECT_FALSE(workers.empty());
    future = executor.submit(square, 5);
  }
  EXPECT_TRUE(all_gone(workers));
  EXPECT_EQ(future.result(0ms), 25) << "the end of the scope waited for it";

  ProcessPoolExecutor executor(3);
  EXPECT_EQ(executor.submit(square, 5).result(), 25);
  workers = executor.worker_pids();
  executor.shutdown();
  EXPECT_TRUE(all_gone(workers));
  EXPECT_TRUE(executor.worker_pids().empty());
}

TEST(X5, AnExceptionThatLeavesTheScopeEndsTheWorkersInsteadOfWaiting) {
  const Gate gate;
  std::vector<pid_t> workers;
  Future<int> future;
  const Stopwatch watch;
  EXPECT_THROW(
      {
        ProcessPoolExecutor executor(2);
        future = executor.submit(pass_gate, gate);
        ASSERT_TRUE(gate.waits(1));
        workers = executor.worker_pids();
        throw std::runtime_error("out");
      },
      std::runtime_error);
  EXPECT_LT(watch.elapsed(), 10s) << "the gate was never opened";
  EXPECT_TRUE(all_gone(workers));
  EXPECT_THROW(future.result(0ms), PoolTerminated);
}

TEST(X6, AKilledWorkerCostsItsTaskOnly) {
  ProcessPoolExecutor executor(2);
  const Gate gate;
  const Future<int> killed = executor.submit(pass_gate, gate);
  ASSERT_TRUE(gate.waits(1));
  const pid_t victim = executor.worker_pids().at(0);
  ::kill(victim, SIGKILL);
  try {
    killed.result(patience);
    ADD_FAILURE() << "the task's worker is dead";
  } catch (const WorkerDied& error) {
    EXPECT_EQ(error.pid(), victim);
    EXPECT_EQ(error.signal(), SIGKILL);
    EXPECT_EQ(error.task(), 1U);
    EXPECT_EQ(error.attempts(), 1U);
    EXPECT_EQ(error.code(), ErrorCode::peer_died);
    EXPECT_THAT(error.what(), HasSubstr("SIGKILL"));
  }
  EXPECT_EQ(executor.submit(square, 6).result(patience), 36) << "unlike Python's, it goes on";
}

TEST(X6, AKilledWorkerBreaksAnExecutorThatIsToBreak) {
  ProcessPoolExecutor executor(ExecutorOptions{.max_workers = 2, .on_death = OnDeath::break_pool});
  const Gate gate;
  std::vector<Future<int>> futures;
  for (int task = 0; task < 20; ++task) futures.push_back(executor.submit(pass_gate, gate));
  ASSERT_TRUE(gate.waits(2));
  const std::vector<pid_t> workers = executor.worker_pids();
  ::kill(workers.at(0), SIGKILL);
  for (const auto& future : futures) EXPECT_THROW(future.result(patience), BrokenProcessPool);
  EXPECT_THAT(words_of<BrokenProcessPool>([&] { static_cast<void>(executor.submit(square, 1)); }),
              HasSubstr(std::to_string(workers.at(0))));
  EXPECT_TRUE(eventually([&] { return all_gone(workers); })) << "the others are ended";
  executor.shutdown();
}

TEST(X7, AnyChunkSizeGivesTheSame) {
  ProcessPoolExecutor executor(2);
  std::vector<int> wanted;
  for (int i = 0; i < 20; ++i) wanted.push_back(square(i));
  for (const std::uint32_t chunk : {1U, 3U, 20U, 21U, 5000U, UINT32_MAX}) {
    EXPECT_EQ(all_of(executor.map({.timeout = {}, .chunk_size = chunk, .buffer_size = {}}, square,
                                  std::views::iota(0, 20))),
              wanted);
  }
}

/// Counts its objects that are alive in this process.
struct Tracked {
  static inline std::atomic<int> alive = 0;  // the last copy may end in the pool's thread
  int number = 0;
  Tracked() { ++alive; }
  Tracked(const Tracked& other) : number(other.number) { ++alive; }
  Tracked& operator=(const Tracked&) = default;
  ~Tracked() { --alive; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(number);
  }
};

TEST(X8, WhatATaskHasUsedIsReleasedInItsWorker) {
  ProcessPoolExecutor executor(1);
  const auto take = [](const Tracked& argument) {
    Tracked result;
    result.number = argument.number + Tracked::alive;
    return result;
  };
  for (int task = 0; task < 3; ++task) EXPECT_EQ(executor.submit(take, Tracked{}).result().number, 2);
  EXPECT_EQ(executor.submit([] { return Tracked::alive.load(); }).result(), 0) << "before the next task";
  EXPECT_TRUE(eventually([] { return Tracked::alive == 0; }))
      << "and here, where the pool's thread ends its copy";
}

TEST(X9, AsManyTasksRunAtOnceAsThereAreWorkersAndNoMore) {
  ProcessPoolExecutor executor(4);
  EXPECT_TRUE(executor.worker_pids().empty()) << "none before it is needed";
  const Gate gate;
  std::vector<Future<int>> futures;
  for (int task = 0; task < 15; ++task) futures.push_back(executor.submit(pass_gate, gate));
  EXPECT_TRUE(gate.waits(4)) << "all workers are started though none has finished";
  nap(100);
  EXPECT_EQ(gate.arrived(), 4);
  EXPECT_EQ(executor.worker_pids().size(), 4U);
  EXPECT_EQ(std::count_if(futures.begin(), futures.end(), [](const auto& f) { return f.running(); }), 4);
  gate.open();
  for (const auto& future : futures) EXPECT_EQ(future.result(patience), 1);
  EXPECT_EQ(executor.worker_pids().size(), 4U);
}

TEST(X10, TasksOneAfterAnotherReuseOneWorker) {
  ProcessPoolExecutor executor(4);
  std::set<pid_t> pids;
  for (int task = 0; task < 20; ++task) pids.insert(executor.submit(pid_after, 0).result());
  EXPECT_EQ(pids.size(), 1U);
  EXPECT_EQ(executor.worker_pids().size(), 1U);
}

TEST(X11, WorkersAreReplacedAfterTheirTasks) {
  ProcessPoolExecutor executor(ExecutorOptions{.max_workers = 1, .max_tasks_per_child = 3});
  std::vector<pid_t> pids;
  for (int task = 0; task < 7; ++task) pids.push_back(executor.submit(pid_after, 0).result(patience));
  for (std::size_t task = 0; task < 7; ++task) EXPECT_EQ(pids[task], pids[task / 3 * 3]) << "task " << task;
  EXPECT_EQ(std::set<pid_t>(pids.begin(), pids.end()).size(), 3U);
}

TEST(X11, AnEarlyShutdownFinishesAllThatWasSubmitted) {
  ProcessPoolExecutor executor(ExecutorOptions{.max_workers = 3, .max_tasks_per_child = 1});
  std::vector<Future<pid_t>> futures;
  for (int task = 0; task < 12; ++task) futures.push_back(executor.submit(pid_after, 1));
  executor.shutdown();
  std::set<pid_t> pids;
  for (const auto& future : futures) pids.insert(future.result(0ms));
  EXPECT_EQ(pids.size(), 12U);
}

TEST(X17, ACrashUnderManyAndLargeMessagesHangsNobody) {
  const auto measure = [](const std::string& text, Trap trap) {
    spring(trap);
    return text + text;
  };
  ProcessPoolExecutor executor(2);
  const std::string large(2'000'000, 'x');
  std::vector<Future<std::string>> futures;
  for (int task = 0; task < 12; ++task) {
    futures.push_back(executor.submit(measure, large, task % 4 == 1 ? Trap::crash : Trap::none));
  }
  for (std::size_t task = 0; task < futures.size(); ++task) {
    if (task % 4 == 1) {
      EXPECT_THROW(futures[task].result(patience), WorkerDied);
    } else {
      EXPECT_EQ(futures[task].result(patience).size(), 4'000'000U);
    }
  }
}

TEST(X17, ManyTasksThatNobodyCollectsFillNoPipe) {
  ProcessPoolExecutor executor(2);
  std::vector<Future<int>> futures;
  for (int task = 0; task < 30'000; ++task) futures.push_back(executor.submit(square, task % 100));
  const Future<int> dies = executor.submit([] { return ::raise(SIGKILL); });
  EXPECT_THROW(dies.result(patience), WorkerDied);
  executor.shutdown();
  for (std::size_t task = 0; task < futures.size(); ++task) {
    ASSERT_EQ(futures[task].result(0ms), square(static_cast<int>(task % 100)));
  }
}

TEST(X18, AnInitializerThatFailsBreaksThePoolAndSaysWhy) {
  const auto bad = [] { throw std::invalid_argument("no licence"); };
  ProcessPoolExecutor executor(ExecutorOptions{.max_workers = 2, .initializer = make_call(bad)});
  const Future<int> first = executor.submit(square, 1);
  EXPECT_THAT(words_of<BrokenProcessPool>([&] { first.result(patience); }), HasSubstr("no licence"));
  EXPECT_THAT(words_of<BrokenProcessPool>([&] { static_cast<void>(executor.submit(square, 1)); }),
              HasSubstr("no licence"));
  executor.shutdown();
}

int main_that_returns_with_work(const Counters& counters, bool at_exit) {
  const auto work = [](const Counters& shared) {
    nap(100);
    return shared.add();
  };
  const auto print = [](const Future<int>& future) {
    std::printf("result %d\n", future.result());
    std::fflush(stdout);
  };
  if (at_exit) {
    static ProcessPoolExecutor executor(1);
    executor.submit(work, counters).add_done_callback(print);
    return 0;
  }
  ProcessPoolExecutor executor(1);
  executor.submit(work, counters).add_done_callback(print);
  return 0;
}

TEST(X19, AProcessThatEndsJoinsItsWorkersAndPrintsTheirResults) {
  for (const bool at_exit : {false, true}) {
    const Counters counters(1);
    const Captured stdout_text(STDOUT_FILENO);
    Process process(ProcessOptions{.daemon = false}, main_that_returns_with_work, counters, at_exit);
    process.start();
    ASSERT_TRUE(process.join(patience));
    EXPECT_EQ(process.exit_code(), 0);
    EXPECT_EQ(counters.get(), 1);
    EXPECT_EQ(stdout_text.text(), "result 1\n") << (at_exit ? "by a static executor" : "by the scope's end");
  }
}

TEST(Executor, TerminateAndKillEndTheWorkersAndFailTheRest) {
  for (const bool kill : {false, true}) {
    ProcessPoolExecutor executor(2);
    const Gate gate;
    std::vector<Future<int>> futures;
    for (int task = 0; task < 6; ++task) futures.push_back(executor.submit(pass_gate, gate));
    ASSERT_TRUE(gate.waits(2));
    const std::vector<pid_t> workers = executor.worker_pids();
    const Stopwatch watch;
    if (kill) {
      executor.kill_workers();
    } else {
      executor.terminate_workers();
    }
    EXPECT_LT(watch.elapsed(), 5s);
    EXPECT_TRUE(all_gone(workers));
    for (const auto& future : futures) EXPECT_THROW(future.result(0ms), PoolTerminated);
    EXPECT_EQ(error_code_of([&] { static_cast<void>(executor.submit(square, 1)); }), ErrorCode::usage);
  }
}

TEST(Executor, CancelTakesATaskBackThatAWorkerHasNotBegun) {
  ProcessPoolExecutor executor(1);
  const Gate gate;
  const Counters counters(1);
  const Future<int> running = executor.submit(pass_gate, gate);
  ASSERT_TRUE(gate.waits(1));
  std::vector<Future<int>> waiting;
  for (int task = 0; task < 300; ++task) {
    waiting.push_back(executor.submit([](const Counters& all) { return all.add(); }, counters));
  }
  EXPECT_TRUE(running.running());
  EXPECT_FALSE(running.cancel());
  for (const std::size_t task : {0U, 1U, 299U}) {  // in the worker's ring, and in the queue
    EXPECT_FALSE(waiting[task].running());
    EXPECT_TRUE(waiting[task].cancel());
    EXPECT_TRUE(waiting[task].cancelled());
    EXPECT_TRUE(waiting[task].cancel()) << "again";
    EXPECT_THROW(waiting[task].result(0ms), CancelledError);
  }
  gate.open();
  EXPECT_EQ(running.result(patience), 1);
  executor.shutdown();
  EXPECT_FALSE(running.cancel());
  EXPECT_EQ(counters.get(), 297) << "a cancelled task never runs";
}

}  // namespace
}  // namespace forebay
