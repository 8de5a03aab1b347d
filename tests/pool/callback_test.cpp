#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "host/pool/as_completed.h"
#include "host/pool/executor.h"
#include "host/pool/pool.h"
#include "host/pool/wait.h"
#include "tests/host/open_fds.h"
#include "tests/pool/pool_probe.h"

// Callbacks that use the pool that calls them, and waits of every kind for a pool's futures.
namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words

TEST(O22, ACallbackSubmitsToThePoolThatCallsIt) {
  Pool pool(1);
  std::atomic<int> chain = 0;
  std::function<void(int)> next = [&](int) {
    if (++chain < 50) {
      static_cast<void>(
          pool.apply_async(Callbacks<int>{.on_result = next, .on_error = {}}, square, chain.load()));
    }
  };
  static_cast<void>(pool.apply_async(Callbacks<int>{.on_result = next, .on_error = {}}, square, 0));
  EXPECT_TRUE(eventually([&] { return chain == 50; }));
}

TEST(O22, ACallbackWaitsForOtherTasksOfItsPool) {
  // Whichever thread hands the outcomes out: with the waiter's help, and without.
  for (const bool waiter : {false, true}) {
    ProcessPoolExecutor executor(2);
    std::atomic<int> sums = 0;
    std::atomic<int> callbacks = 0;
    std::vector<Future<int>> futures;
    for (int task = 0; task < 40; ++task) futures.push_back(executor.submit(square, task));
    for (std::size_t task = 0; task < 40; ++task) {
      futures[task].add_done_callback([&, task](const Future<int>& done) {
        const Future<int> fresh = executor.submit(square, 2);
        // Its own batch, one that is to come, and a new one.
        sums += done.result() + futures[(task + 1) % 40].result(patience) + fresh.result(patience);
        ++callbacks;
      });
    }
    if (waiter) {
      for (const auto& future : futures) future.result(patience);
    }
    ASSERT_TRUE(eventually([&] { return callbacks == 40; })) << callbacks;
    int squares = 0;
    for (int task = 0; task < 40; ++task) squares += square(task);
    EXPECT_EQ(sums, 2 * squares + 40 * 4);
  }
}

TEST(O22, ACallbackUsesEveryCallOfItsPool) {
  Pool pool(2);
  std::optional<std::vector<int>> mapped;
  std::vector<int> walked;
  std::size_t completed = 0;
  pool.apply_async(Callbacks<int>{.on_result =
                                      [&](int) {
                                        mapped = pool.map(square, std::vector{1, 2, 3});
                                        for (const int one : pool.imap(square, std::vector{4, 5}))
                                          walked.push_back(one);
                                        const std::vector futures{pool.apply_async(square, 6).future(),
                                                                  pool.apply_async(square, 7).future()};
                                        for ([[maybe_unused]] const auto& one : as_completed(futures))
                                          ++completed;
                                        completed += wait(futures, patience).done.size();
                                      },
                                  .on_error = {}},
                   square, 1)
      .wait();
  EXPECT_EQ(mapped, (std::vector{1, 4, 9}));
  EXPECT_EQ(walked, (std::vector{16, 25}));
  EXPECT_EQ(completed, 4U);
}

TEST(O14, WhatACallHasUsedIsReleasedWhenItIsDone) {
  Pool pool(1);
  const auto take = [](const UniqueFd& fd) { return fd.valid(); };
  pool.apply(take, UniqueFd(::dup(STDERR_FILENO)));
  const std::size_t fds = open_fds();
  for (int round = 0; round < 5; ++round) {
    EXPECT_TRUE(pool.apply(take, UniqueFd(::dup(STDERR_FILENO))));
    EXPECT_TRUE(eventually([&] { return open_fds() == fds; }, 2s)) << "no descriptor stays with the pool";
  }
  const auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = held;
  {
    auto result =
        pool.apply_async(Callbacks<int>{.on_result = [kept = held](int) {}, .on_error = {}}, square, 1);
    result.wait();
    EXPECT_TRUE(eventually([&] { return watch.use_count() == 1; }, 2s)) << "nor what a callback has captured";
    EXPECT_EQ(result.get(), 1);
  }
  // Nor what the worker was sent.
  EXPECT_EQ(pool.apply([](int) { return open_fds(); }, 0), pool.apply([](int) { return open_fds(); }, 0));
  const std::size_t before = pool.apply([](int) { return open_fds(); }, 0);
  for (int round = 0; round < 5; ++round) pool.apply(take, UniqueFd(::dup(STDERR_FILENO)));
  EXPECT_EQ(pool.apply([](int) { return open_fds(); }, 0), before);
}

TEST(PoolCallback, MayDestroyThePool) {
  for (const bool waiter : {false, true}) {
    auto pool = std::make_unique<Pool>(2);
    const std::vector<pid_t> workers = pool->worker_pids();
    std::atomic<bool> destroyed = false;
    const auto result = pool->apply_async(square, 2);
    result.future().add_done_callback([&](const Future<int>&) {
      pool.reset();
      destroyed = true;
    });
    if (waiter) {
      EXPECT_EQ(result.get(patience), 4);
    }
    EXPECT_TRUE(eventually([&] { return destroyed.load(); }));
    EXPECT_TRUE(eventually([&] { return all_gone(workers); }));
  }
}

TEST(PoolCallback, MayEndAnExecutorThatHasWork) {
  auto executor = std::make_unique<ProcessPoolExecutor>(1);
  std::atomic<bool> destroyed = false;
  std::vector<Future<int>> futures;
  futures.push_back(executor->submit(square, 1));
  futures[0].add_done_callback([&](const Future<int>&) {
    executor.reset();
    destroyed = true;
  });
  EXPECT_TRUE(eventually([&] { return destroyed.load(); }));
}

TEST(PoolCallback, ThatThrowsIsOneLineAndTheCallIsDone) {
  Pool pool(1);
  const Captured stderr_text(STDERR_FILENO);
  const auto result = pool.apply_async(
      Callbacks<int>{.on_result = [](int) { throw std::runtime_error("in the callback"); }, .on_error = {}},
      square, 3);
  EXPECT_EQ(result.get(patience), 9);
  EXPECT_TRUE(eventually([&] { return !stderr_text.text().empty(); }));
  EXPECT_EQ(stderr_text.text(), "forebay: a future's callback threw: in the callback\n");
  EXPECT_EQ(pool.apply(square, 4), 16);
}

TEST(PoolFutures, ComeAsCompleted) {
  ProcessPoolExecutor executor(2);
  const Gate gate;
  std::vector<Future<int>> futures{executor.submit(pass_gate, gate), executor.submit(square, 5)};
  std::vector<int> order;
  for (const auto& future : as_completed(futures, patience)) {
    order.push_back(future.result());
    gate.open();
  }
  EXPECT_EQ(order, (std::vector{25, 1}));
  const auto found = wait(futures, patience);
  EXPECT_EQ(found.done.size(), 2U);
  EXPECT_EQ(futures[1].to_std().get(), 25);
}

struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Detached add_up(ProcessPoolExecutor& executor, std::atomic<int>& total) {
  int all = 0;
  for (int i = 1; i <= 3; ++i) all += co_await executor.submit(square, i);
  try {
    co_await executor.submit(fail, "awaited");
  } catch (const std::out_of_range& error) {
    all += 100;
  }
  total = all;
}

TEST(PoolFutures, AreAwaitedByCoroutines) {
  ProcessPoolExecutor executor(1);
  std::atomic<int> total = 0;
  add_up(executor, total);
  EXPECT_TRUE(eventually([&] { return total == 114; })) << total;
}

TEST(PoolFutures, RunningAndCancelSeeTheWorkersRing) {
  Pool pool(1);
  const Gate gate;
  const auto running = pool.apply_async(pass_gate, gate);
  ASSERT_TRUE(gate.waits(1));
  const auto waiting = pool.apply_async(square, 2);
  EXPECT_TRUE(running.future().running());
  EXPECT_FALSE(running.future().cancel());
  EXPECT_FALSE(waiting.future().running());
  EXPECT_TRUE(waiting.future().cancel());
  EXPECT_THROW(waiting.get(0ms), CancelledError);
  gate.open();
  EXPECT_EQ(running.get(patience), 1);
  EXPECT_FALSE(running.future().running());
}

TEST(PoolFutures, AllAreDoneWhenShutdownReturnsThoughOthersHelpedToTakeThem) {
  for (int round = 0; round < 20; ++round) {
    ProcessPoolExecutor executor(1);
    std::vector<Future<int>> futures;
    for (int task = 0; task < 100; ++task) futures.push_back(executor.submit(square, task));
    std::thread helper([&] {
      for (const auto& future : futures) future.result(patience);
    });
    executor.shutdown();
    for (const auto& future : futures) ASSERT_TRUE(future.done());
    helper.join();
  }
}

}  // namespace
}  // namespace forebay
