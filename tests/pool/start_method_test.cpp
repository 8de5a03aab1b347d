#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ranges>
#include <set>
#include <string>
#include <vector>

#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "host/process/start_method.h"
#include "tests/pool/pool_probe.h"

// What matters most of pools and executors, however their workers come into being.
namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words

class WorkersBy : public testing::TestWithParam<StartMethod> {
 protected:
  [[nodiscard]] static PoolOptions pool() { return {.processes = 2, .start_method = GetParam()}; }
  [[nodiscard]] static ExecutorOptions executor() { return {.max_workers = 2, .start_method = GetParam()}; }
};

INSTANTIATE_TEST_SUITE_P(Method, WorkersBy, testing::Values(StartMethod::spawn, StartMethod::forkserver),
                         [](const auto& method) { return std::string(to_string(method.param)); });

TEST_P(WorkersBy, MapAndImapGiveWhatALoopGives) {
  Pool pool(WorkersBy::pool());
  std::vector<int> wanted;
  for (int i = 0; i < 200; ++i) wanted.push_back(square(i));
  EXPECT_EQ(pool.map(square, std::views::iota(0, 200)), wanted);
  std::vector<int> walked;
  for (const int one : pool.imap(square, std::views::iota(0, 200))) walked.push_back(one);
  EXPECT_EQ(walked, wanted);
  EXPECT_EQ(pool.apply([](const std::string& text) { return text + text; }, std::string(200'000, 'x')).size(),
            400'000U);
}

TEST_P(WorkersBy, ADeathCostsItsItemAndTheWorkerIsReplaced) {
  Pool pool(WorkersBy::pool());
  const std::vector<pid_t> before = pool.worker_pids();
  EXPECT_THROW(pool.apply(spring, Trap::crash), WorkerDied);
  EXPECT_EQ(pool.map(square, std::vector{1, 2, 3}), (std::vector{1, 4, 9}));
  EXPECT_TRUE(eventually([&] { return pool.worker_pids().size() == 2; }));
  EXPECT_NE(pool.worker_pids(), before);
}

TEST_P(WorkersBy, TheInitializerRunsAndWorkersRotate) {
  const auto set = [](const std::string& word) { ::setenv("FOREBAY_POOL_WORD", word.c_str(), 1); };
  ExecutorOptions options = executor();
  options.initializer = make_call(set, "set");
  options.max_tasks_per_child = 2;
  ProcessPoolExecutor executor(std::move(options));
  std::set<pid_t> pids;
  for (int task = 0; task < 6; ++task) {
    const auto [word, pid] = executor
                                 .submit([] {
                                   const char* found = ::getenv("FOREBAY_POOL_WORD");
                                   return std::pair(std::string(found != nullptr ? found : ""), ::getpid());
                                 })
                                 .result(patience);
    EXPECT_EQ(word, "set");
    pids.insert(pid);
  }
  EXPECT_EQ(pids.size(), 3U);
}

TEST_P(WorkersBy, NothingIsLeftAtTheEnd) {
  std::vector<pid_t> workers;
  {
    Pool pool(WorkersBy::pool());
    workers = pool.worker_pids();
    EXPECT_EQ(workers.size(), 2U);
    EXPECT_EQ(pool.apply(square, 2), 4);
  }
  EXPECT_TRUE(all_gone(workers));
  {
    ProcessPoolExecutor executor(WorkersBy::executor());
    EXPECT_EQ(executor.submit(square, 2).result(), 4);
    workers = executor.worker_pids();
  }
  EXPECT_TRUE(all_gone(workers));
}

}  // namespace
}  // namespace forebay
