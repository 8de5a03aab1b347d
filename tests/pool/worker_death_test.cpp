#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ranges>
#include <set>
#include <string>
#include <vector>

#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "tests/pool/pool_probe.h"

// What a worker's death costs, by policy: the item that it ran, a repetition, or the pool.
namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words
using testing::HasSubstr;

/// Counts its runs per item; item `deadly` dies in its first `deaths` runs.
struct Deadly {
  Counters runs;
  int deadly = 0;
  int deaths = 0;
  Trap trap = Trap::crash;

  int operator()(int item) const {
    const int run = runs.add(static_cast<std::size_t>(item));
    if (item == deadly && run <= deaths) spring(trap);
    return square(item);
  }
};

constexpr int always = 1'000'000;

std::string outcome(Results<int>& walk) {
  try {
    const auto value = walk.next(patience);
    return value ? std::to_string(*value) : "end";
  } catch (const WorkerDied& error) {
    return "died at item " + std::to_string(error.item()) + " try " + std::to_string(error.attempts());
  } catch (const BrokenProcessPool&) {
    return "broken";
  }
}

TEST(OnDeath, FailCostsExactlyTheItemThatRan) {
  for (const std::uint32_t chunk : {1U, 4U, 8U}) {
    for (const int deadly : {0, 2, 7}) {
      for (const Trap trap : {Trap::crash, Trap::exit}) {
        Pool pool(2);
        const Counters runs(8);
        auto walk =
            pool.imap(Deadly{runs, deadly, always, trap}, std::views::iota(0, 8), {.chunk_size = chunk});
        for (int item = 0; item < 8; ++item) {
          const std::string dead = "died at item " + std::to_string(item) + " try 1";
          EXPECT_EQ(outcome(walk), item == deadly ? dead : std::to_string(square(item)));
        }
        EXPECT_EQ(outcome(walk), "end");
        for (std::size_t item = 0; item < 8; ++item)
          EXPECT_EQ(runs.get(item), 1) << "none runs again: " << item;
      }
    }
  }
}

TEST(Pitfall3, MapTellsWhoDiedAndTheOthersHaveRun) {
  Pool pool(2);
  const Counters runs(8);
  try {
    pool.map(Deadly{runs, 3, always}, std::views::iota(0, 8), 8);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const WorkerDied& error) {
    EXPECT_EQ(error.item(), 3U);
    EXPECT_EQ(error.signal(), SIGKILL);
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(error.pid())));
  }
  for (std::size_t item = 0; item < 8; ++item) EXPECT_EQ(runs.get(item), 1);
}

TEST(Pitfall3, RetryRunsTheItemAgainAndNoOther) {
  for (const std::uint32_t chunk : {1U, 4U, 8U}) {
    Pool pool(PoolOptions{.processes = 2, .on_death = OnDeath::retry, .retries = 2});
    const Counters runs(8);
    std::vector<int> wanted;
    for (int i = 0; i < 8; ++i) wanted.push_back(square(i));
    EXPECT_EQ(pool.map(Deadly{runs, 2, 2}, std::views::iota(0, 8), chunk), wanted);
    for (std::size_t item = 0; item < 8; ++item) EXPECT_EQ(runs.get(item), item == 2 ? 3 : 1) << item;
  }
}

TEST(OnDeath, RetryEndsAfterItsTries) {
  for (const std::uint32_t retries : {0U, 1U, 3U, 30U}) {
    Pool pool(PoolOptions{.processes = 1, .on_death = OnDeath::retry, .retries = retries});
    const Counters runs(4);
    auto walk = pool.imap(Deadly{runs, 1, always}, std::views::iota(0, 4), {.chunk_size = 4});
    EXPECT_EQ(outcome(walk), "0");
    EXPECT_EQ(outcome(walk), "died at item 1 try " + std::to_string(retries + 1));
    EXPECT_EQ(outcome(walk), "4");
    EXPECT_EQ(outcome(walk), "9");
    EXPECT_EQ(runs.get(1), static_cast<int>(retries) + 1);
    EXPECT_EQ(runs.get(0) + runs.get(2) + runs.get(3), 3);
  }
}

TEST(OnDeath, BreakPoolFailsAllThatIsLeftAndAllThatComes) {
  Pool pool(PoolOptions{.processes = 2, .on_death = OnDeath::break_pool});
  const Counters runs(8);
  auto walk = pool.imap(Deadly{runs, 1, always}, std::views::iota(0, 8), {.chunk_size = 8});
  EXPECT_EQ(outcome(walk), "0") << "what was done is not lost";
  for (int item = 1; item < 8; ++item) EXPECT_EQ(outcome(walk), "broken");
  EXPECT_THROW(pool.apply(square, 2), BrokenProcessPool);
  EXPECT_TRUE(eventually([&] { return pool.worker_pids().empty(); }));
  pool.close();
  EXPECT_TRUE(pool.join(patience));
}

TEST(OnDeath, ManyDeadlyItemsCostThemselvesOnly) {
  Pool pool(2);
  std::vector<AsyncResult<void>> deadly;
  std::vector<AsyncResult<int>> others;
  for (int task = 0; task < 40; ++task) {
    deadly.push_back(pool.apply_async(spring, Trap::crash));
    if (task % 4 == 0) others.push_back(pool.apply_async(square, task));
  }
  for (const auto& result : deadly) EXPECT_THROW(result.get(patience), WorkerDied);
  for (std::size_t task = 0; task < others.size(); ++task) {
    EXPECT_EQ(others[task].get(patience), square(static_cast<int>(task) * 4));
  }
}

TEST(OnDeath, AnIdleWorkerThatIsKilledIsReplacedAndCostsNothing) {
  Pool pool(2);
  EXPECT_EQ(pool.apply(square, 3), 9);
  for (int round = 0; round < 12; ++round) {
    const std::vector<pid_t> before = pool.worker_pids();
    ASSERT_EQ(before.size(), 2U);
    for (const pid_t pid : before) ::kill(pid, SIGKILL);
    EXPECT_EQ(pool.apply_async(square, round).get(patience), square(round));
    EXPECT_TRUE(eventually([&] {
      const std::vector<pid_t> now = pool.worker_pids();
      return now.size() == 2 &&
             std::find_first_of(now.begin(), now.end(), before.begin(), before.end()) == now.end();
    }));
  }
}

TEST(OnDeath, TasksThatWereSentAheadToTheDeadAreRunByOthersOnce) {
  ProcessPoolExecutor executor(1);
  const Counters runs(101);
  std::vector<Future<int>> futures;
  futures.push_back(executor.submit(Deadly{runs, 0, always}, 0));
  for (int item = 1; item <= 100; ++item) futures.push_back(executor.submit(Deadly{runs, 0, always}, item));
  EXPECT_THROW(futures[0].result(patience), WorkerDied);
  for (int item = 1; item <= 100; ++item) {
    EXPECT_EQ(futures[static_cast<std::size_t>(item)].result(patience), square(item));
    EXPECT_EQ(runs.get(static_cast<std::size_t>(item)), 1);
  }
}

TEST(Pitfall3, ADeathIsReportedWithinASecond) {
  Pool pool(2);
  for (int round = 0; round < 10; ++round) {
    const Gate gate;
    const Counters pid(1);
    const auto result = pool.apply_async(
        [](const Gate& shut, const Counters& who) {
          who.set(0, ::getpid());
          shut.pass();
        },
        gate, pid);
    // Often it runs in the last one's replacement, whose start is no part of the second.
    ASSERT_TRUE(gate.waits(1));
    const Stopwatch watch;
    ASSERT_EQ(::kill(pid.get(), SIGKILL), 0);
    EXPECT_THROW(result.get(patience), WorkerDied);
    EXPECT_LT(watch.elapsed(), 1s);
  }
}

/// Workers that kill one another (loky's test_crash_races).
TEST(OnDeath, WorkersThatKillOneAnotherHangNobody) {
  for (const std::uint32_t workers : {1U, 2U, 5U}) {
    Pool pool(workers);
    const std::vector<pid_t> pids = pool.worker_pids();
    const auto kill_all = [](const std::vector<pid_t>& victims) {
      for (const pid_t pid : victims) {
        if (pid != ::getpid()) ::kill(pid, SIGKILL);
      }
      ::kill(::getpid(), SIGKILL);
    };
    std::vector<AsyncResult<void>> results;
    for (std::uint32_t task = 0; task < workers; ++task) results.push_back(pool.apply_async(kill_all, pids));
    std::size_t died = 0;
    for (const auto& result : results) {
      result.wait(patience);
      ASSERT_TRUE(result.ready());
      if (!result.successful()) ++died;
    }
    EXPECT_EQ(died, results.size());
    EXPECT_EQ(pool.apply(square, 3), 9);
  }
}

}  // namespace
}  // namespace forebay
