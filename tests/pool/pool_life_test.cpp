#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <thread>
#include <vector>

#include "host/pool/pool.h"
#include "host/process/process_info.h"
#include "tests/host/open_fds.h"
#include "tests/pool/pool_probe.h"

// How pools begin and end, and how their workers do.
namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words
using testing::HasSubstr;

TEST(O10, TerminateWithTenThousandSleepingTasksIsFast) {
  Pool pool(2);
  const std::vector<int> sleeps(10'000, 100);
  const auto result = pool.map_async(nap, sleeps, 1);
  const std::vector<pid_t> workers = pool.worker_pids();
  const Stopwatch watch;
  pool.terminate();
  ASSERT_TRUE(pool.join(patience));
  EXPECT_LT(watch.elapsed(), 10s) << "10,000 naps of 100 ms by 2 workers are 500 s";
  EXPECT_TRUE(all_gone(workers));
  EXPECT_THROW(result.get(0ms), PoolTerminated) << "no task is left unreported";
}

template <typename Pool>
void expect_refusals(Pool& pool) {
  const auto refused = [](const auto& call) {
    EXPECT_THAT(words_of<Error>(call), HasSubstr("takes no more tasks"));
    EXPECT_EQ(error_code_of(call), ErrorCode::usage);
  };
  const std::vector<int> items{1, 2};
  const std::vector<std::pair<int, int>> pairs{{1, 2}};
  refused([&] { pool.apply(square, 1); });
  refused([&] { static_cast<void>(pool.apply_async(square, 1)); });
  refused([&] { pool.map(square, items); });
  refused([&] { static_cast<void>(pool.map_async(square, items)); });
  refused([&] { pool.starmap(sum, pairs); });
  refused([&] { pool.imap(square, items); });
  refused([&] { pool.imap_unordered(square, items); });
}

TEST(O11, AfterItsEndEveryCallIsAnError) {
  Pool pool(1);
  EXPECT_EQ(pool.apply(square, 2), 4);
  pool.terminate();
  expect_refusals(pool);
  EXPECT_TRUE(pool.join(patience));
  expect_refusals(pool);
  EXPECT_TRUE(pool.worker_pids().empty());
}

TEST(O15, AClosedPoolIsNotOpenedAgainButDoesWhatItHas) {
  Pool pool(1);
  EXPECT_THAT(words_of<Error>([&] { pool.join(); }), HasSubstr("before join")) << "join needs close";
  const Gate gate;
  const auto result = pool.apply_async(pass_gate, gate);
  const auto waiting = pool.apply_async(square, 3);
  pool.close();
  pool.close();
  expect_refusals(pool);
  EXPECT_FALSE(pool.join(50ms)) << "there is work";
  gate.open();
  EXPECT_TRUE(pool.join(patience));
  EXPECT_EQ(result.get(0ms), 1);
  EXPECT_EQ(waiting.get(0ms), 9);
  EXPECT_TRUE(pool.join(0ms)) << "a second join is harmless";
  pool.terminate();
}

TEST(O16, ARunningPoolThatIsDroppedEndsWithoutAWarning) {
  std::vector<pid_t> workers;
  const Captured stderr_text(STDERR_FILENO);
  const Gate gate;
  std::optional<AsyncResult<int>> result;
  {
    Pool pool(2);
    workers = pool.worker_pids();
    result = pool.apply_async(pass_gate, gate);
    EXPECT_TRUE(gate.waits(1));
  }
  EXPECT_TRUE(all_gone(workers)) << "when the destructor has returned";
  EXPECT_THROW(result->get(0ms), PoolTerminated);
  EXPECT_EQ(stderr_text.text(), "");
}

TEST(O18, WorkersAreReplacedAfterTheirTasks) {
  Pool pool(PoolOptions{.processes = 1, .max_tasks_per_child = 3});
  std::vector<pid_t> pids;
  for (int task = 0; task < 9; ++task) pids.push_back(pool.apply(pid_after, 0));
  for (std::size_t task = 0; task < 9; ++task) EXPECT_EQ(pids[task], pids[task / 3 * 3]) << "task " << task;
  EXPECT_EQ(std::set<pid_t>(pids.begin(), pids.end()).size(), 3U);
  const auto same = pool.map(pid_after, std::vector(8, 0), 8);
  EXPECT_EQ(std::set<pid_t>(same.begin(), same.end()).size(), 1U) << "a chunk is one task";
  EXPECT_TRUE(eventually([&] { return pool.worker_pids().size() == 1; }));
}

TEST(O18, NeverMoreWorkersAtWorkThanWereAskedFor) {
  Pool pool(PoolOptions{.processes = 2, .max_tasks_per_child = 1});
  const Counters counters(2);
  struct Count {
    Counters counters;
    pid_t operator()(int) const {
      const int now = counters.add(0);
      if (now > counters.get(1)) counters.set(1, now);
      nap(10);
      counters.add(0, -1);
      return ::getpid();
    }
  };
  const auto pids = pool.map(Count{counters}, std::views::iota(0, 20), 1);
  EXPECT_EQ(std::set<pid_t>(pids.begin(), pids.end()).size(), 20U);
  EXPECT_LE(counters.get(1), 2);
}

TEST(O18, QueuedWorkIsDoneAfterAnEarlyClose) {
  Pool pool(PoolOptions{.processes = 2, .max_tasks_per_child = 1});
  std::vector<AsyncResult<pid_t>> results;
  for (int task = 0; task < 12; ++task) results.push_back(pool.apply_async(pid_after, 1));
  pool.close();
  ASSERT_TRUE(pool.join(patience));
  std::set<pid_t> pids;
  for (const auto& result : results) pids.insert(result.get(0ms));
  EXPECT_EQ(pids.size(), 12U);
  EXPECT_TRUE(all_gone({pids.begin(), pids.end()}));
}

TEST(O19, ExitHandlersOfWorkersRunAtClose) {
  const Counters counters(2);
  const auto install = [](const Counters& shared) {
    static std::optional<Counters> kept;  // read by the handlers, which take no arguments
    kept = shared;
    std::atexit([] { kept.value().add(0); });
    static const struct Last {
      ~Last() { kept.value().add(1); }
    } last;
    static_cast<void>(last);
  };
  Pool pool(PoolOptions{.processes = 3, .initializer = make_call(install, counters)});
  EXPECT_EQ(pool.map(square, std::vector{1, 2, 3}), (std::vector{1, 4, 9}));
  pool.close();
  ASSERT_TRUE(pool.join(patience));
  EXPECT_EQ(counters.get(0), 3) << "one in each worker";
  EXPECT_EQ(counters.get(1), 3);
}

int g_seed = 0;

TEST(O20, TheInitializerRunsOnceInEachWorkerBeforeItsTasks) {
  const Counters counters(1);
  const auto set = [](const Counters& shared, int seed) {
    g_seed += seed;
    shared.add();
  };
  const auto get = [](int) { return g_seed; };
  for (const std::uint64_t tasks : {0U, 2U}) {
    counters.set(0, 0);
    Pool pool(PoolOptions{
        .processes = 2, .initializer = make_call(set, counters, 7), .max_tasks_per_child = tasks});
    const auto seeds = pool.map(get, std::views::iota(0, 12), 1);
    EXPECT_THAT(seeds, testing::Each(7)) << "never before it, never twice";
    EXPECT_GE(counters.get(), tasks == 0 ? 2 : 6) << "replacements run it too";
    EXPECT_TRUE(tasks != 0 || counters.get() == 2);
  }
  EXPECT_EQ(g_seed, 0) << "it is the workers' own";
}

TEST(O20, AnInitializerThatThrowsBreaksThePoolWithItsWords) {
  const auto bad = [](int) { throw std::invalid_argument("no such database"); };
  Pool pool(PoolOptions{.processes = 2, .initializer = make_call(bad, 1)});
  const Stopwatch watch;
  EXPECT_THAT(words_of<BrokenProcessPool>([&] { pool.map(square, std::views::iota(0, 50), 1); }),
              HasSubstr("no such database"));
  EXPECT_THAT(words_of<BrokenProcessPool>([&] { pool.apply(square, 1); }), HasSubstr("no such database"));
  EXPECT_LT(watch.elapsed(), 10s);
  EXPECT_TRUE(eventually([&] { return pool.worker_pids().empty(); })) << "no loop of new workers";
}

TEST(O20, AnInitializerThatDiesBreaksThePoolWithinBounds) {
  for (const Trap trap : {Trap::crash, Trap::exit}) {
    Pool pool(PoolOptions{.processes = 2, .initializer = make_call(spring, trap)});
    const Stopwatch watch;
    const std::string words = words_of<BrokenProcessPool>([&] { pool.apply(square, 1); });
    EXPECT_THAT(words, HasSubstr("before they could work"));
    EXPECT_THAT(words, HasSubstr(trap == Trap::crash ? "SIGKILL" : "exit code 3"));
    EXPECT_LT(watch.elapsed(), 20s);
    EXPECT_TRUE(eventually([&] { return pool.worker_pids().empty(); }));
  }
}

TEST(O21, AFailedStartLeavesNoChildAndNoDescriptor) {
  { const Pool first(1); }  // what Forebay keeps for itself is there now
  const std::size_t fds = open_fds();
  const std::size_t before = children();
  EXPECT_THROW(Pool(PoolOptions{.processes = 4, .child = {.working_directory = "/nowhere"}}), Error);
  EXPECT_EQ(open_fds(), fds);
  EXPECT_TRUE(eventually([&] { return children() == before; }, 2s));

  // Descriptors run out in the middle: the workers that were started end.
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit few{static_cast<rlim_t>(fds) + 16, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_EQ(error_code_of([] { Pool(64); }), ErrorCode::environment);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(open_fds(), fds);
  EXPECT_TRUE(eventually([&] { return children() == before; }, 2s));
  EXPECT_EQ(Pool(1).apply(square, 3), 9);
}

TEST(PoolLife, WorkersThatAreIdleEndAndComeBack) {
  Pool pool(PoolOptions{.processes = 2, .idle_timeout = 100ms});
  EXPECT_TRUE(pool.worker_pids().empty()) << "none before it is needed";
  const pid_t first = pool.apply(pid_after, 0);
  EXPECT_TRUE(eventually([&] { return pool.worker_pids().empty(); }, 10s));
  EXPECT_FALSE(exists(first));
  const pid_t second = pool.apply(pid_after, 0);
  EXPECT_NE(second, first);
  // Submits that race with the time-out lose no task.
  for (int round = 0; round < 20; ++round) {
    nap(95 + round % 10);
    EXPECT_EQ(pool.apply_async(square, round).get(patience), square(round));
  }
}

TEST(PoolLife, AWorkerThatHasGrownIsReplacedAndNoTaskIsLost) {
  Pool pool(PoolOptions{.processes = 1, .memory_growth_bytes_max = 16U << 20U});
  const auto leak = [](int mib) {
    static std::vector<std::vector<char>> leaked;
    leaked.emplace_back(static_cast<std::size_t>(mib) << 20U, 'x');
    nap(20);
    return ::getpid();
  };
  const auto pids = pool.map(leak, std::vector(60, 1), 1);
  EXPECT_EQ(pids.size(), 60U);
  EXPECT_GE(std::set<pid_t>(pids.begin(), pids.end()).size(), 2U);
  Pool steady(PoolOptions{.processes = 1, .memory_growth_bytes_max = 64U << 20U});
  const auto same = steady.map(pid_after, std::vector(30, 20), 1);
  EXPECT_EQ(std::set<pid_t>(same.begin(), same.end()).size(), 1U) << "one that does not grow stays";
}

TEST(PoolLife, WorkersHaveTheOptionsOfTheirChildren) {
  Pool pool(PoolOptions{.processes = 1,
                        .child = {.environment = {{"FOREBAY_WORD", "here"}}, .working_directory = "/"}});
  const auto read = [](int) {
    const char* word = std::getenv("FOREBAY_WORD");
    return std::string(word != nullptr ? word : "") + std::filesystem::current_path().string();
  };
  EXPECT_EQ(pool.apply(read, 0), "here/");
}

TEST(PoolLife, ThreePoolsAtOnceAndOneAfterAnotherLeaveNothing) {
  { const Pool first(1); }
  const std::size_t fds = open_fds();
  const std::size_t before = children();
  for (int round = 0; round < 10; ++round) {
    Pool a(1);
    Pool b(2);
    Pool c(std::move(a));
    EXPECT_EQ(b.apply(square, 2) + c.apply(square, 3), 13);
  }
  EXPECT_EQ(open_fds(), fds);
  EXPECT_TRUE(eventually([&] { return children() == before; }, 2s));
}

TEST(PoolLife, AnIdlePoolUsesNoCpu) {
  Pool pool(2);
  {
    // Both have started when both are in there.
    const Gate gate;
    const std::vector results{pool.apply_async(pass_gate, gate), pool.apply_async(pass_gate, gate)};
    ASSERT_TRUE(gate.waits(2));
    gate.open();
    for (const auto& result : results) EXPECT_EQ(result.get(patience), 1);
  }
  const auto cpu_ms = [&pool] {
    long ticks = 0;
    std::vector<pid_t> pids = pool.worker_pids();
    pids.push_back(::getpid());
    for (const pid_t pid : pids) {
      std::string text = file_text("/proc/" + std::to_string(pid) + "/stat");
      std::istringstream fields(text.substr(text.rfind(')') + 2));
      std::string skipped;
      for (int i = 0; i < 11; ++i) fields >> skipped;
      long user = 0;
      long system = 0;
      fields >> user >> system;
      ticks += user + system;
    }
    return ticks * 1000 / ::sysconf(_SC_CLK_TCK);
  };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const long most_ms = 50;  // a sanitizer's start lasts longer; who spins takes 1500
#else
  const long most_ms = 10;
#endif
  // A busy machine is late with what came before; who spins does it every time.
  long least_ms = std::numeric_limits<long>::max();
  for (int i = 0; i < 5 && least_ms > most_ms; ++i) {
    nap(100);
    const long before = cpu_ms();
    nap(1500);
    least_ms = std::min(least_ms, cpu_ms() - before);
  }
  EXPECT_LE(least_ms, most_ms) << "in a second and a half";
}

}  // namespace
}  // namespace forebay
