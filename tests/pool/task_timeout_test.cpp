#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <ranges>
#include <string>
#include <vector>

#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "tests/pool/pool_probe.h"
#include "tests/process/process_probe.h"

// Items that take too long: who is killed, what is told to whom, and what is not counted as time.
namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words
using testing::HasSubstr;

constexpr auto limit = 700ms;  // what is in time may be held up for a while on a busy machine

PoolOptions timed(std::uint32_t workers, std::chrono::milliseconds time = limit) {
  PoolOptions options;
  options.processes = workers;
  options.task_timeout = time;
  return options;
}

/// Counts its runs per item; item `slow` never ends in its first `times` runs.
struct Slow {
  Counters runs;
  int slow = 0;
  int times = 1'000'000;

  int operator()(int item) const {
    const int run = runs.add(static_cast<std::size_t>(item));
    if (item == slow && run <= times) nap(60'000);
    return square(item);
  }
};

std::string outcome(Results<int>& walk) {
  try {
    const auto value = walk.next(patience);
    return value ? std::to_string(*value) : "end";
  } catch (const TaskTimeout& error) {
    return "item " + std::to_string(error.item()) + " try " + std::to_string(error.attempts());
  } catch (const BrokenProcessPool&) {
    return "broken";
  }
}

TEST(TaskTimeout, EndsTheWorkerAndSaysWhoseItWas) {
  Pool pool(timed(1));
  EXPECT_EQ(pool.apply(square, 2), 4);
  const pid_t worker = pool.worker_pids().at(0);
  const Stopwatch watch;
  try {
    pool.apply(nap, 60'000);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const TaskTimeout& error) {
    EXPECT_GE(watch.elapsed(), limit);
    EXPECT_LT(watch.elapsed(), limit + 5s);
    EXPECT_EQ(error.pid(), worker);
    EXPECT_EQ(error.limit(), limit);
    EXPECT_EQ(error.task(), 2U);
    EXPECT_EQ(error.item(), 0U);
    EXPECT_EQ(error.attempts(), 1U);
    EXPECT_EQ(error.code(), ErrorCode::timeout);
    EXPECT_THAT(error.what(), HasSubstr("task_timeout of 700 ms"));
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(worker)));
  }
  EXPECT_TRUE(eventually([&] { return !exists(worker); }));
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(TaskTimeout, TakesTheItemsOwnProcessesAlong) {
  Pool pool(timed(1, 2s));  // a fork has to fit in
  const Counters child(1);
  const auto start_and_wait = [](const Counters& pid) {
    const pid_t started = ::fork();
    if (started == 0) {
      while (true) ::pause();
    }
    pid.set(0, started);
    nap(60'000);
  };
  EXPECT_THROW(pool.apply(start_and_wait, child), TaskTimeout);
  ASSERT_GT(child.get(), 0);
  const auto gone = [&] {
    std::ifstream in("/proc/" + std::to_string(child.get()) + "/stat");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    return text.empty() || text.find(") Z") != std::string::npos;  // nobody may be there to reap it
  };
  EXPECT_TRUE(eventually(gone));
}

TEST(TaskTimeout, CostsItsItemAndNoneOfItsNeighbours) {
  for (const std::uint32_t chunk : {1U, 4U, 8U}) {
    for (const int slow : {0, 6, 7}) {
      Pool pool(timed(2));
      const Counters runs(8);
      auto walk = pool.imap(Slow{runs, slow}, std::views::iota(0, 8), {.chunk_size = chunk});
      for (int item = 0; item < 8; ++item) {
        const std::string late = "item " + std::to_string(slow) + " try 1";
        EXPECT_EQ(outcome(walk), item == slow ? late : std::to_string(square(item)));
      }
      EXPECT_EQ(outcome(walk), "end");
      for (std::size_t item = 0; item < 8; ++item) EXPECT_EQ(runs.get(item), 1) << item;
    }
  }
}

TEST(TaskTimeout, NamesTheItemOfAMapThatGivesNothing) {
  Pool pool(timed(1));
  const Counters runs(8);
  const auto run = [](const std::tuple<Counters, int>& item) {
    std::get<0>(item).add(static_cast<std::size_t>(std::get<1>(item)));
    if (std::get<1>(item) == 5) nap(60'000);
  };
  std::vector<std::tuple<Counters, int>> items;
  for (int item = 0; item < 8; ++item) items.emplace_back(runs, item);
  try {
    pool.map(run, items, 4);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const TaskTimeout& error) {
    EXPECT_EQ(error.item(), 5U);
  }
  for (std::size_t item = 0; item < 8; ++item) EXPECT_EQ(runs.get(item), 1) << item;
}

TEST(TaskTimeout, IsOfOneItemNotOfAChunkAndNotOfTheWait) {
  Pool pool(timed(1, 2s));
  const std::vector<int> ms(10, 250);
  EXPECT_EQ(pool.map(pid_after, ms, 10).size(), 10U) << "together they take longer";
  std::vector<AsyncResult<pid_t>> results;
  for (const int time : ms) results.push_back(pool.apply_async(pid_after, time));
  for (const auto& result : results) EXPECT_NO_THROW(result.get(patience));
}

TEST(TaskTimeout, IsNotOfAnInitializer) {
  PoolOptions options = timed(1);
  options.initializer = make_call(nap, 1500);
  Pool pool(std::move(options));
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(TaskTimeout, RetriesAsOftenAsAfterADeath) {
  for (const int times : {1, 2, 3, 1000}) {
    PoolOptions options = timed(1);
    options.on_death = OnDeath::retry;
    options.retries = 2;
    Pool pool(std::move(options));
    const Counters runs(4);
    auto walk = pool.imap(Slow{runs, 1, times}, std::views::iota(0, 4), {.chunk_size = 4});
    EXPECT_EQ(outcome(walk), "0");
    EXPECT_EQ(outcome(walk), times <= 2 ? "1" : "item 1 try 3");
    EXPECT_EQ(outcome(walk), "4");
    EXPECT_EQ(outcome(walk), "9");
    EXPECT_EQ(runs.get(1), std::min(times + 1, 3));
    EXPECT_EQ(runs.get(0) + runs.get(2) + runs.get(3), 3);
  }
}

TEST(TaskTimeout, BreaksThePoolWhereDeathsDo) {
  PoolOptions options = timed(2);
  options.on_death = OnDeath::break_pool;
  Pool pool(std::move(options));
  EXPECT_THAT(words_of<BrokenProcessPool>([&] { pool.apply(nap, 60'000); }), HasSubstr("task_timeout"));
}

TEST(TaskTimeout, FailsAFutureAndTheExecutorGoesOn) {
  ExecutorOptions options;
  options.max_workers = 2;
  options.task_timeout = limit;
  ProcessPoolExecutor executor(std::move(options));
  const auto late = executor.submit(nap, 60'000);
  std::vector<Future<int>> others;
  for (int item = 0; item < 20; ++item) others.push_back(executor.submit(square, item));
  for (int item = 0; item < 20; ++item) {
    EXPECT_EQ(others[static_cast<std::size_t>(item)].result(patience), square(item));
  }
  EXPECT_THROW(late.result(patience), TaskTimeout);
}

TEST(TaskTimeout, ThatIsNoTimeIsRefused) {
  for (const auto time : {0ms, -1ms, std::chrono::milliseconds::min()}) {
    EXPECT_EQ(error_code_of([&] { Pool pool(timed(1, time)); }), ErrorCode::usage);
    ExecutorOptions options;
    options.task_timeout = time;
    EXPECT_THAT(words_of<Error>([&] { ProcessPoolExecutor executor(std::move(options)); }),
                HasSubstr("task_timeout"));
  }
}

TEST(TaskTimeout, MayBeLongerThanAnyClock) {
  Pool pool(timed(1, std::chrono::milliseconds::max()));
  EXPECT_EQ(pool.apply(pid_after, 50), pool.worker_pids().at(0));
}

/// Whichever comes first: every item has one outcome and was begun once, those behind a late one included.
TEST(TaskTimeout, AtTheMomentOfTheItemsEndLosesNothingAndRunsNothingTwice) {
  const auto spin = [](const std::tuple<Counters, int>& item) {
    const auto& [runs, number] = item;
    runs.add(static_cast<std::size_t>(number));
    const auto until = Clock::now() + 19ms + 200us * (number % 10);
    while (Clock::now() < until) {
    }
    return number;
  };
  constexpr int count = 48;
  const Counters runs(count);
  std::vector<std::tuple<Counters, int>> items;
  for (int item = 0; item < count; ++item) items.emplace_back(runs, item);
  Pool pool(timed(1, 20ms));
  auto walk = pool.imap(spin, items, {.chunk_size = 6});
  int late = 0;
  for (int item = 0; item < count; ++item) {
    const std::string got = outcome(walk);
    if (got != std::to_string(item)) {
      EXPECT_EQ(got, "item " + std::to_string(item) + " try 1");
      ++late;
    }
  }
  EXPECT_EQ(outcome(walk), "end");
  for (std::size_t item = 0; item < count; ++item) EXPECT_EQ(runs.get(item), 1) << item;
  RecordProperty("late", late);
}

TEST(TaskTimeout, FindsAWorkerThatIsStopped) {
  Pool pool(timed(1));
  EXPECT_THROW(pool.apply([] { ::raise(SIGSTOP); }), TaskTimeout);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(TaskTimeout, AWorkerThatIsStoppedBeforeItsTaskCostsNothing) {
  Pool pool(timed(1));
  EXPECT_EQ(pool.apply(square, 2), 4);
  const pid_t worker = pool.worker_pids().at(0);
  ASSERT_EQ(::kill(worker, SIGSTOP), 0);
  const Counters runs(1);
  EXPECT_EQ(pool.apply_async(Slow{runs, 1}, 0).get(patience), 0) << "another ran it";
  EXPECT_EQ(runs.get(), 1);
  EXPECT_FALSE(exists(worker));
}

/// Works for about so long, but not while it is stopped: one nap goes on then, the next does not begin. Each
/// nap ends late on a busy machine, so they are no shorter than they must be.
int work_for(int ms, int nap_ms, const Counters& begun) {
  begun.add(1);
  for (int i = 0; i < ms / nap_ms; ++i) nap(nap_ms);
  return ms;
}

/// A program with a pool: 0 where its item, of `ms`, was in time and one that hangs was not.
int program(int ms, int nap_ms, const Counters& begun) {
  Pool pool(timed(1, 1500ms));
  begun.set(0, pool.worker_pids().at(0));
  try {
    if (pool.apply(work_for, ms, nap_ms, begun) != ms) return 3;
  } catch (const TaskTimeout&) {
    return 4;
  }
  try {
    pool.apply(nap, 60'000);
  } catch (const TaskTimeout&) {
    return 0;
  }
  return 5;
}

enum class Stopped { all, parent_only };

int stopped_for(std::chrono::milliseconds time, Stopped who, int item_ms, std::chrono::milliseconds begin,
                int times = 1) {
  const Counters begun(2);
  const int nap_ms = who == Stopped::parent_only ? item_ms : times > 1 ? 10 : 50;
  Process process(program, item_ms, nap_ms, begun);
  process.start();
  EXPECT_TRUE(begun.reaches(1, 1));
  std::vector<pid_t> stopped{process.pid().value()};
  if (who == Stopped::all) stopped.push_back(begun.get(0));
  for (int i = 0; i < times; ++i) {
    std::this_thread::sleep_for(begin);
    for (const pid_t pid : stopped) EXPECT_EQ(::kill(pid, SIGSTOP), 0);
    std::this_thread::sleep_for(time);
    for (const pid_t pid : stopped) EXPECT_EQ(::kill(pid, SIGCONT), 0);
  }
  return joined(process);
}

/// Of up to three plays, as the naps that come late on a busy machine add up. Where stops count as the item's
/// time, each fails.
template <typename... A>
int best_stopped_for(A... arguments) {
  int code = -1;
  for (int i = 0; i < 3 && code != 0; ++i) code = stopped_for(arguments...);
  return code;
}

TEST(TaskTimeout, StandsStillWhileTheProgramAndItsWorkersAreStopped) {
  EXPECT_EQ(best_stopped_for(2000ms, Stopped::all, 700, 200ms), 0);
  EXPECT_EQ(best_stopped_for(900ms, Stopped::all, 1000, 200ms), 0) << "over before the limit, but it counts";
}

/// Each stop is shorter than the time between two looks of the pool's thread.
TEST(TaskTimeout, StandsStillInManyShortStops) {
  EXPECT_EQ(best_stopped_for(60ms, Stopped::all, 900, 35ms, 20), 0);
}

/// Ctrl+Z: workers have process groups of their own, so they go on.
TEST(TaskTimeout, StandsStillWhileTheProgramIsStopped) {
  EXPECT_EQ(best_stopped_for(1700ms, Stopped::parent_only, 2300, 100ms), 0);
}

TEST(TaskTimeout, AnIdlePoolsThreadSleeps) {
  Pool pool(timed(1));
  EXPECT_EQ(pool.apply(square, 2), 4);
  const auto switches = [] {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream in(task.path() / "status");
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      if (text.find("forebay-pool") == std::string::npos) continue;
      const auto at = text.find("\nvoluntary_ctxt_switches:");
      return std::stol(text.substr(at + sizeof("\nvoluntary_ctxt_switches:")));
    }
    throw std::runtime_error("no pool's thread");
  };
  nap(100);
  const long before = switches();
  nap(500);
  EXPECT_LE(switches() - before, 2);
}

}  // namespace
}  // namespace forebay
