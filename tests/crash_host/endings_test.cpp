// What pools leave behind, what an idle one costs, and that each end comes without being waited for.
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <ranges>
#include <sstream>
#include <string>
#include <thread>

#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "tests/crash_host/outcomes.h"
#include "tests/crash_host/resources.h"

namespace forebay::crash {
namespace {

using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

std::int64_t square(std::int64_t i) { return i * i + 7; }

TEST(Endings, FiveHundredPoolsLeaveNothing) {
  const auto use_one = [](int number) {
    if (number % 2 == 0) {
      Pool pool(1);
      ASSERT_EQ(pool.apply_async(square, number).get(patience), square(number));
    } else {
      ProcessPoolExecutor executor(1);
      ASSERT_EQ(executor.submit(square, number).result(patience), square(number));
    }
  };
  for (int i = 0; i < 20; ++i) use_one(i);  // the allocator and the loader have what they want
  const Resources before = Resources::now();
  for (int i = 0; i < 500; ++i) use_one(i);
  const Resources after = Resources::now();
  EXPECT_EQ(after.files, before.files);
  EXPECT_EQ(after.threads, before.threads);
  EXPECT_EQ(after.children, before.children);
  EXPECT_LE(after.mappings, before.mappings + 4) << "a stack is kept for the next thread";
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LE(after.rss_kib, before.rss_kib + 1024) << "of 500 pools, 2 KiB each";
#endif
}

void spin_for(std::chrono::microseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
  }
}

std::int64_t busy_square(std::int64_t i) {
  spin_for(300us);
  return square(i);
}

/// The last result is taken by a waiter that spins, so the pool's thread hears nothing of it.
TEST(Endings, AClosedPoolEndsWhoeverTookItsLastResult) {
  for (int i = 0; i < 60; ++i) {
    Pool pool(1);
    ASSERT_EQ(pool.apply_async(square, 1).get(patience), square(1));
    const auto last = pool.apply_async(busy_square, i);
    pool.close();
    spin_for(200us + i % 20 * 5us);  // somewhere here the result comes while get() spins
    ASSERT_EQ(last.get(patience), square(i));
    ASSERT_TRUE(pool.join(5s)) << "round " << i;
  }
}

TEST(Endings, AWorkerThatHasHadItsShareIsReplacedWhoeverTookItsLastResult) {
  PoolOptions options;
  options.processes = 1;
  options.max_tasks_per_child = 1;
  Pool pool(std::move(options));
  for (int i = 0; i < 30; ++i) {
    const pid_t worker = pool.worker_pids().at(0);
    const auto result = pool.apply_async(busy_square, i);
    spin_for(200us + i % 20 * 5us);
    ASSERT_EQ(result.get(patience), square(i));
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    const auto replaced = [&] {
      const auto pids = pool.worker_pids();
      return pids.size() == 1 && pids[0] != worker;
    };
    while (!replaced()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "round " << i;
      std::this_thread::sleep_for(1ms);
    }
  }
}

/// Tasks that fill the way to the worker and were all taken back: it has nothing to tell when it skips them.
TEST(Endings, AWayFullOfCancelledTasksIsNoEnd) {
  const auto slow = [](const UniqueFd& /*file*/, const std::string& text) {
    std::this_thread::sleep_for(3ms);
    return text.size();
  };
  const std::string text(3'000, 'x');  // with a descriptor, a message of the channel
  const auto file = [] { return UniqueFd(::dup(STDIN_FILENO)); };
  for (int round = 0; round < 20; ++round) {
    ProcessPoolExecutor executor(1);
    std::vector<Future<std::size_t>> first{executor.submit(slow, file(), text)};
    ASSERT_EQ(first[0].result(patience), text.size());
    first.push_back(executor.submit(slow, file(), text));
    std::vector<Future<std::size_t>> rest;
    for (int i = 0; i < 80; ++i) rest.push_back(executor.submit(slow, file(), text));
    for (const auto& future : rest) static_cast<void>(future.cancel());
    rest.clear();
    for (int i = 0; i < 3; ++i) rest.push_back(executor.submit(slow, file(), text));
    ASSERT_EQ(first[1].result(patience), text.size());
    for (const auto& future : rest) ASSERT_EQ(future.result(5s), text.size()) << "round " << round;
  }
}

/// Of a process: ticks of CPU time, and how often its threads went to sleep.
struct Work {
  std::uint64_t ticks = 0;
  std::uint64_t switches = 0;
};

Work work_of(pid_t pid) {
  Work work;
  const std::string process = "/proc/" + std::to_string(pid);
  std::ifstream stat(process + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string field;
  for (int i = 3; i <= 15 && fields >> field; ++i) {
    if (i == 14 || i == 15) work.ticks += std::stoull(field);
  }
  for (const auto& thread : std::filesystem::directory_iterator(process + "/task")) {
    std::ifstream status(thread.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("voluntary_ctxt_switches"))
        work.switches += std::stoull(line.substr(line.find(':') + 1));
    }
  }
  return work;
}

/// Who of them works or wakes in two seconds in which nothing is to be done, and how much.
std::string what_is_busy(const std::vector<pid_t>& all) {
  std::vector<Work> before;
  for (const pid_t pid : all) before.push_back(work_of(pid));
  std::this_thread::sleep_for(2s);
  std::ostringstream busy;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Work after = work_of(all[i]);
    const std::uint64_t ticks = after.ticks - before[i].ticks;
    const std::uint64_t switches = after.switches - before[i].switches;
    // Who spins has 200 ticks. The parent's looks at /proc are its own, and slow under a sanitizer.
    if (ticks <= (all[i] == ::getpid() ? 4U : 1U) && switches <= 10) continue;
    busy << (all[i] == ::getpid() ? "the parent: " : "a worker: ") << ticks << " ticks, " << switches
         << " sleeps in 2 s; ";
  }
  return busy.str();
}

TEST(Endings, AnIdlePoolUsesNoCpu) {
  Pool pool(2);
  ProcessPoolExecutor executor(2);
  ASSERT_EQ(pool.map_async(square, std::views::iota(0, 100), 1).get(patience).size(), 100U);
  ASSERT_EQ(executor.submit(square, 3).result(patience), square(3));
  std::vector<pid_t> all = pool.worker_pids();
  for (const pid_t pid : executor.worker_pids()) all.push_back(pid);
  ASSERT_GE(all.size(), 3U);
  all.push_back(::getpid());
  std::this_thread::sleep_for(1s);
  // Who does anything at all while nothing is to do does it every time; what was left to do is done once.
  std::string busy;
  for (int round = 0; round < 4; ++round) {
    busy = what_is_busy(all);
    if (busy.empty()) return;
  }
  FAIL() << busy;
}

}  // namespace
}  // namespace forebay::crash
