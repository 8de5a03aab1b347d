#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "tests/pool/pool_probe.h"

namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words

enum class End : int { shutdown, cancel, terminate, kill, destroy };

/// How each outcome may look once the executor has ended while tasks were submitted.
bool is_told(const Future<int>& future, int wanted) {
  try {
    return future.result(0ms) == wanted;
  } catch (const CancelledError&) {
    return true;
  } catch (const PoolTerminated&) {
    return true;
  } catch (const WorkerDied&) {
    return true;
  }
}

/// Eight threads submit, one kills workers, one ends the executor, all at once.
void race(End end, unsigned seed) {
  auto executor = std::make_unique<ProcessPoolExecutor>(2);
  std::atomic<bool> go = false;
  std::atomic<int> refused = 0;
  std::vector<std::vector<Future<int>>> futures(8);
  std::vector<std::thread> threads;
  for (auto& mine : futures) {
    threads.emplace_back([&executor, &go, &refused, &mine] {
      while (!go) std::this_thread::yield();
      try {
        for (int task = 0; task < 2000; ++task) mine.push_back(executor->submit(square, task));
      } catch (const Error& error) {
        if (error.code() == ErrorCode::usage) ++refused;
      }
    });
  }
  threads.emplace_back([&executor, &go, seed] {
    std::mt19937 random(seed);
    while (!go) std::this_thread::yield();
    for (int kill = 0; kill < 5; ++kill) {
      const std::vector<pid_t> pids = executor->worker_pids();
      if (!pids.empty()) ::kill(pids[random() % pids.size()], SIGKILL);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
    }
  });
  const Stopwatch watch;
  go = true;
  std::this_thread::sleep_for(std::chrono::microseconds(seed % 7 * 700));
  switch (end) {
    case End::shutdown: executor->shutdown(); break;
    case End::cancel: executor->shutdown(true, true); break;
    case End::terminate: executor->terminate_workers(); break;
    case End::kill: executor->kill_workers(); break;
    case End::destroy: executor->shutdown(false); break;
  }
  for (auto& thread : threads) thread.join();
  executor.reset();
  EXPECT_LT(watch.elapsed(), patience);
  for (const auto& mine : futures) {
    for (std::size_t task = 0; task < mine.size(); ++task) {
      ASSERT_TRUE(mine[task].done());
      ASSERT_TRUE(is_told(mine[task], square(static_cast<int>(task))));
    }
  }
}

TEST(Pitfall17, SubmitsFromEightThreadsRaceWithShutdownAndDeath) {
  for (unsigned seed = 1; seed <= 6; ++seed) race(End::shutdown, seed);
}

TEST(Pitfall17, SubmitsFromEightThreadsRaceWithCancellationAndDeath) {
  for (unsigned seed = 1; seed <= 6; ++seed) race(End::cancel, seed);
}

TEST(Pitfall17, SubmitsFromEightThreadsRaceWithTerminateAndDeath) {
  for (unsigned seed = 1; seed <= 4; ++seed) race(End::terminate, seed);
  for (unsigned seed = 1; seed <= 4; ++seed) race(End::kill, seed);
}

TEST(Pitfall17, SubmitsFromEightThreadsRaceWithAShutdownThatDoesNotWait) {
  for (unsigned seed = 1; seed <= 6; ++seed) race(End::destroy, seed);
}

TEST(Pitfall17, AMapThatWaitsEndsWhenAnotherThreadTerminates) {
  for (int round = 0; round < 10; ++round) {
    Pool pool(2);
    std::thread other([&pool, round] {
      std::this_thread::sleep_for(std::chrono::milliseconds(round));
      pool.terminate();
    });
    const Stopwatch watch;
    // PoolTerminated; or, while the map is still being submitted, Error(usage).
    EXPECT_THROW(pool.map(nap, std::vector<int>(10'000, 50), 1), Error);
    EXPECT_LT(watch.elapsed(), patience);
    other.join();
  }
}

}  // namespace
}  // namespace forebay
