#include "host/pool/future_host.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "host/pool/as_completed.h"
#include "host/pool/future.h"
#include "host/pool/promise.h"
#include "host/sync/interrupt.h"

namespace forebay {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// An engine of which a test says what it does.
class FakeHost final : public FutureHost {
 public:
  bool try_cancel(std::uint64_t task) noexcept override {
    ++cancels;
    asked_for = task;
    if (on_cancel) on_cancel();
    return cancels_it;
  }
  [[nodiscard]] bool is_running(std::uint64_t task) const noexcept override { return task == running_task; }
  void help(const std::atomic<bool>& done, TimePoint until) override {
    ++helps;
    help_deadline = until;
    if (on_help) on_help(done);
  }
  [[nodiscard]] bool must_drive() const noexcept override { return std::this_thread::get_id() == engine; }
  void drive(TimePoint until) override {
    ++drives;
    EXPECT_LE(until - Clock::now(), 10ms);
    if (on_drive) on_drive();
  }

  std::atomic<int> cancels{0};
  std::atomic<std::uint64_t> asked_for{0};
  std::atomic<int> helps{0};
  std::atomic<int> drives{0};
  std::atomic<std::uint64_t> running_task{0};
  bool cancels_it = true;
  TimePoint help_deadline{};
  std::thread::id engine;
  std::function<void()> on_cancel;
  std::function<void(const std::atomic<bool>&)> on_help;
  std::function<void()> on_drive;
};

TEST(FutureHost, IsAskedToCancelAndWhetherTheTaskRuns) {
  const auto host = std::make_shared<FakeHost>();
  Promise<int> promise(host, 42);
  const Future<int> future = promise.future();
  EXPECT_FALSE(future.running());
  host->running_task = 42;
  EXPECT_TRUE(future.running());
  host->cancels_it = false;
  EXPECT_FALSE(future.cancel());
  EXPECT_EQ(host->asked_for, 42U);
  EXPECT_FALSE(future.done());
  EXPECT_TRUE(future.running());
  host->cancels_it = true;
  EXPECT_TRUE(future.cancel());
  EXPECT_TRUE(future.cancelled());
  EXPECT_FALSE(future.running());
  EXPECT_EQ(host->cancels, 2);
  EXPECT_TRUE(future.cancel());
  EXPECT_EQ(host->cancels, 2) << "not asked about a done future";
}

TEST(FutureHost, ThatCompletesATaskWhileItIsAskedToCancelItWins) {
  const auto host = std::make_shared<FakeHost>();
  Promise<int> promise(host, 1);
  host->cancels_it = false;
  host->on_cancel = [&] {
    EXPECT_TRUE(promise.set_running_or_notify_cancel());
    promise.set_result(5);
  };
  EXPECT_FALSE(promise.future().cancel());
  EXPECT_EQ(promise.future().result(0s), 5);
}

TEST(FutureHost, TwoThatCancelAtOnceAreToldTheSame) {
  for (const bool answer : {true, false}) {
    const auto host = std::make_shared<FakeHost>();
    Promise<int> promise(host, 1);
    const Future<int> future = promise.future();
    std::latch asked(1);
    std::latch go_on(1);
    host->cancels_it = answer;
    host->on_cancel = [&] {
      if (host->cancels > 1) return;
      asked.count_down();
      go_on.wait();
    };
    std::jthread first([&] { EXPECT_EQ(future.cancel(), answer); });
    asked.wait();
    std::jthread second([&] { EXPECT_EQ(future.cancel(), answer); });
    std::this_thread::sleep_for(20ms);  // the second is in its wait then, most times; right either way
    go_on.count_down();
    first.join();
    second.join();
    EXPECT_EQ(future.cancelled(), answer);
    EXPECT_EQ(future.done(), answer);
    if (!answer) promise.set_result(1);
  }
}

TEST(FutureHost, HelpsAWaiterBeforeItParks) {
  const auto host = std::make_shared<FakeHost>();
  Promise<int> promise(host, 1);
  host->on_help = [&](const std::atomic<bool>& done) {
    EXPECT_FALSE(done);
    promise.set_result(3);
    EXPECT_TRUE(done);
  };
  const auto begin = Clock::now();
  EXPECT_EQ(promise.future().result(30s), 3);
  EXPECT_EQ(host->helps, 1);
  EXPECT_GE(host->help_deadline, begin + 30s);
  EXPECT_EQ(promise.future().result(), 3);
  EXPECT_EQ(host->helps, 1) << "a done future needs none";
}

TEST(FutureHost, WhoseHelpWasInVainLetsTheWaiterPark) {
  const auto host = std::make_shared<FakeHost>();
  Promise<int> promise(host, 1);
  const Future<int> future = promise.future();
  EXPECT_THROW(future.result(0s), TimeoutError);
  EXPECT_EQ(host->helps, 0) << "a poll asks for none";
  EXPECT_THROW(future.result(10ms), TimeoutError);
  EXPECT_EQ(host->helps, 1);
  std::latch helped(1);
  host->on_help = [&](const std::atomic<bool>&) { helped.count_down(); };
  const std::jthread setter([&] {
    helped.wait();
    promise.set_result(4);
  });
  EXPECT_EQ(future.result(30s), 4);
}

TEST(FutureHost, IsDrivenByAWaitInItsOwnThread) {
  const auto host = std::make_shared<FakeHost>();
  host->engine = std::this_thread::get_id();
  Promise<int> first(host, 1);
  Promise<int> second(host, 2);
  host->on_drive = [&] {
    const int drive = host->drives;  // before a callback drives on
    if (drive == 3) first.set_result(1);
    if (drive == 5) second.set_result(2);
  };
  int waited = 0;
  first.future().add_done_callback([&](const Future<int>&) { waited = second.future().result(30s); });
  EXPECT_EQ(first.future().result(30s), 1);
  EXPECT_EQ(waited, 2) << "a callback of the engine may wait for another future";
  EXPECT_EQ(host->helps, 0);
}

TEST(FutureHost, DrivenInVainTimesOut) {
  const auto host = std::make_shared<FakeHost>();
  host->engine = std::this_thread::get_id();
  const Promise<int> promise(host, 1);
  const auto begin = Clock::now();
  EXPECT_THROW(promise.future().result(25ms), TimeoutError);
  EXPECT_GE(Clock::now() - begin, 25ms);
  EXPECT_GT(host->drives, 0);
}

TEST(FutureHost, ADrivingWaitNoticesThatAnotherThreadCancelled) {
  const auto host = std::make_shared<FakeHost>();
  host->engine = std::this_thread::get_id();
  const Promise<int> promise(host, 1);
  const Future<int> future = promise.future();
  std::latch driven(1);
  host->on_drive = [&] {
    if (host->drives == 1) driven.count_down();
  };
  const std::jthread canceller([&] {
    driven.wait();
    future.cancel();
  });
  EXPECT_THROW(future.result(30s), CancelledError);
}

TEST(FutureHost, DrivingEndsWithCtrlC) {
  const auto host = std::make_shared<FakeHost>();
  host->engine = std::this_thread::get_id();
  const Promise<int> promise(host, 1);
  const InterruptScope scope;
  host->on_drive = [&] {
    if (host->drives == 2) ::raise(SIGINT);
  };
  EXPECT_THROW(promise.future().result(30s), Interrupted);
  EXPECT_THROW(promise.future().result(1ms), TimeoutError) << "once";
}

TEST(FutureHost, EachHelpsAWaitForSeveralOnce) {
  const auto one = std::make_shared<FakeHost>();
  const auto two = std::make_shared<FakeHost>();
  Promise<int> a(one, 1);
  Promise<int> b(one, 2);
  Promise<int> c(two, 1);
  Promise<int> d;
  two->on_help = [&](const std::atomic<bool>& done) {
    a.set_result(1);
    b.set_result(2);
    c.set_result(3);
    EXPECT_FALSE(done);
    d.set_result(4);
    EXPECT_TRUE(done);
  };
  const auto result = wait({a.future(), b.future(), c.future(), d.future()}, 30s);
  EXPECT_EQ(result.done.size(), 4U);
  EXPECT_EQ(one->helps, 1);
  EXPECT_EQ(two->helps, 1);
}

TEST(FutureHost, IsNotAskedForHelpOnceAllIsDone) {
  const auto one = std::make_shared<FakeHost>();
  const auto two = std::make_shared<FakeHost>();
  Promise<int> a(one, 1);
  Promise<int> b(two, 1);
  one->on_help = [&](const std::atomic<bool>&) {
    a.set_result(1);
    b.set_result(2);
  };
  EXPECT_EQ(wait({a.future(), b.future()}, 30s).done.size(), 2U);
  EXPECT_EQ(one->helps, 1);
  EXPECT_EQ(two->helps, 0);
}

TEST(FutureHost, OnlyTheThreadsOwnOneIsDriven) {
  const auto own = std::make_shared<FakeHost>();
  const auto other = std::make_shared<FakeHost>();
  own->engine = std::this_thread::get_id();
  Promise<int> a(own, 1);
  Promise<int> b(other, 1);
  own->on_drive = [&] {
    if (own->drives == 1) a.set_result(1);
    if (own->drives == 2) b.set_result(2);  // as if the other's own thread had
  };
  EXPECT_EQ(wait({a.future(), b.future()}, 30s).done.size(), 2U);
  EXPECT_EQ(other->drives, 0);
}

TEST(FutureHost, IsDrivenByAWaitForSeveralAndByAsCompleted) {
  const auto host = std::make_shared<FakeHost>();
  host->engine = std::this_thread::get_id();
  std::vector<Promise<int>> promises;
  std::vector<Future<int>> futures;
  for (std::uint64_t i = 0; i < 6; ++i) futures.push_back(promises.emplace_back(host, i).future());
  std::size_t next = 6;
  host->on_drive = [&] { promises[--next].set_result(0); };
  EXPECT_EQ(wait(futures, 30s, ReturnWhen::first_completed).done.size(), 1U);
  std::vector<Future<int>> order;
  for (const auto& future : as_completed(futures, 30s)) order.push_back(future);
  const std::vector<Future<int>> expected(futures.rbegin(), futures.rend());
  EXPECT_TRUE(order == expected);
  EXPECT_EQ(host->helps, 0);
}

TEST(FutureHost, LivesAsLongAsAFutureOrAnIterationDoes) {
  auto host = std::make_shared<FakeHost>();
  const std::weak_ptr<FakeHost> watch = host;
  {
    Promise<int> hosted(host, 1);
    Promise<int> other;
    hosted.set_result(1);
    std::vector<Future<int>> futures{hosted.future(), other.future()};
    auto range = as_completed(futures, 30s);
    futures.clear();
    host.reset();
    hosted = Promise<int>();
    watch.lock()->on_help = [&](const std::atomic<bool>&) { other.set_result(2); };
    int sum = 0;
    for (auto& future : range) sum += std::exchange(future, {}).result();
    EXPECT_EQ(sum, 3) << "the first future is gone when its host is asked to help with the second";
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace forebay
