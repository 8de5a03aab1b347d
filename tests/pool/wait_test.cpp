#include "host/pool/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <functional>
#include <list>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "host/pool/as_completed.h"
#include "host/pool/promise.h"
#include "host/sync/interrupt.h"

namespace forebay {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::ElementsAre;
using testing::IsEmpty;

std::exception_ptr failure() { return std::make_exception_ptr(std::runtime_error("failed")); }

/// One future of every kind, and what to complete the pending ones with.
struct Mixed {
  Mixed() {
    cancelled.future().cancel();
    failed.set_exception(failure());
    good.set_result(1);
  }
  Promise<int> cancelled, failed, good, first, second;
  Future<int> a = first.future(), b = second.future();
};

TEST(W1, FirstCompletedReturnsWithTheFirst) {
  Mixed mixed;
  const std::jthread setter([&] { mixed.first.set_result(1); });
  const auto result = wait({mixed.b, mixed.a}, {}, ReturnWhen::first_completed);
  EXPECT_THAT(result.done, ElementsAre(mixed.a));
  EXPECT_THAT(result.not_done, ElementsAre(mixed.b));
}

TEST(W1, FirstCompletedWithSomeAlreadyDoneDoesNotWait) {
  const Mixed mixed;
  const auto result =
      wait({mixed.a, mixed.good.future(), mixed.cancelled.future()}, {}, ReturnWhen::first_completed);
  EXPECT_THAT(result.done, ElementsAre(mixed.good.future(), mixed.cancelled.future()));
  EXPECT_THAT(result.not_done, ElementsAre(mixed.a));
}

TEST(W1, FirstExceptionPassesOverResults) {
  Mixed mixed;
  Promise<int> third;
  const std::jthread setter([&] {
    mixed.first.set_result(1);
    mixed.second.set_exception(failure());
  });
  const auto result = wait({mixed.a, mixed.b, third.future()}, {}, ReturnWhen::first_exception);
  EXPECT_THAT(result.done, ElementsAre(mixed.a, mixed.b));
  EXPECT_THAT(result.not_done, ElementsAre(third.future()));
}

TEST(W1, FirstExceptionThatIsAlreadyThereDoesNotWait) {
  const Mixed mixed;
  const auto result =
      wait({mixed.a, mixed.good.future(), mixed.failed.future()}, {}, ReturnWhen::first_exception);
  EXPECT_THAT(result.done, ElementsAre(mixed.good.future(), mixed.failed.future()));
  EXPECT_THAT(result.not_done, ElementsAre(mixed.a));
}

TEST(W1, FirstExceptionPassesOverACancelledOneAndEndsWhenAllAreDone) {
  Mixed mixed;
  const std::vector<Future<int>> futures{mixed.cancelled.future(), mixed.a, mixed.b};
  EXPECT_THAT(wait(futures, 0s, ReturnWhen::first_exception).not_done, ElementsAre(mixed.a, mixed.b));
  const std::jthread setter([&] {
    mixed.a.cancel();
    mixed.second.set_result(2);
  });
  const auto result = wait(futures, {}, ReturnWhen::first_exception);
  EXPECT_EQ(result.done, futures);
  EXPECT_THAT(result.not_done, IsEmpty());
}

TEST(W1, AllCompletedWaitsForEveryKindOfEnd) {
  Mixed mixed;
  const std::vector<Future<int>> futures{mixed.a, mixed.cancelled.future(), mixed.failed.future(), mixed.b,
                                         mixed.good.future()};
  const std::jthread setter([&] {
    mixed.second.set_exception(failure());
    mixed.first.set_result(1);
  });
  const auto result = wait(futures);
  EXPECT_EQ(result.done, futures) << "the order of the input";
  EXPECT_THAT(result.not_done, IsEmpty());
}

TEST(W1, TheTimeoutIsNotEarlyAndThrowsNothing) {
  const Mixed mixed;
  for (const auto until :
       {ReturnWhen::all_completed, ReturnWhen::first_exception, ReturnWhen::first_completed}) {
    const auto begin = Clock::now();
    const auto result = wait({mixed.a, mixed.b}, 30ms, until);
    EXPECT_GE(Clock::now() - begin, 30ms);
    EXPECT_THAT(result.done, IsEmpty());
    EXPECT_THAT(result.not_done, ElementsAre(mixed.a, mixed.b));
  }
  const auto some = wait({mixed.a, mixed.good.future()}, 10ms);
  EXPECT_THAT(some.done, ElementsAre(mixed.good.future()));
  EXPECT_THAT(some.not_done, ElementsAre(mixed.a));
}

TEST(W1, ATimeoutOfZeroOrLessPolls) {
  const Mixed mixed;
  for (const auto timeout : {0ms, -5ms}) {
    const auto result = wait({mixed.a, mixed.failed.future()}, timeout);
    EXPECT_THAT(result.done, ElementsAre(mixed.failed.future()));
    EXPECT_THAT(result.not_done, ElementsAre(mixed.a));
  }
}

TEST(W1, DuplicatesCountOnceAndNoFuturesAreDone) {
  Mixed mixed;
  const auto result = wait({mixed.good.future(), mixed.a, mixed.good.future(), mixed.a}, 0s);
  EXPECT_THAT(result.done, ElementsAre(mixed.good.future()));
  EXPECT_THAT(result.not_done, ElementsAre(mixed.a));
  const auto nothing = wait(std::vector<Future<int>>{});
  EXPECT_THAT(nothing.done, IsEmpty());
  EXPECT_THAT(nothing.not_done, IsEmpty());
}

TEST(W1, TakesFuturesOfSeveralTypesAndAnyRange) {
  Promise<int> number;
  Promise<std::string> text;
  Promise<void> nothing;
  const std::jthread setter([&] {
    text.set_result("x");
    nothing.set_result();
  });
  const auto hetero = wait({number.future(), text.future(), nothing.future()}, 10ms);
  EXPECT_THAT(hetero.not_done, testing::Contains(FutureHandle(number.future())));
  EXPECT_EQ(wait({text.future(), nothing.future()}, 30s).done.size(), 2U);
  number.set_result(1);
  const std::list<FutureHandle> handles{number.future(), text.future()};
  EXPECT_EQ(wait(handles).done.size(), 2U);
  std::vector<Promise<int>> promises(3);
  for (auto& promise : promises) promise.set_result(2);
  auto view = promises | std::views::transform([](const Promise<int>& promise) { return promise.future(); });
  EXPECT_EQ(wait(view).done.size(), 3U);
}

TEST(W1, AFutureWithoutAStateIsAUsageErrorThatLeavesNothingBehind) {
  Mixed mixed;
  EXPECT_THROW(static_cast<void>(wait({mixed.a, Future<int>()}, 1s)), Error);
  mixed.first.set_result(1);
  EXPECT_EQ(mixed.a.result(), 1);
}

TEST(W1, ManyWaitsForOnePendingFutureLeaveNothingBehind) {
  Mixed mixed;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(wait({mixed.a, mixed.good.future()}, {}, ReturnWhen::first_completed).not_done.size(), 1U);
    EXPECT_EQ(wait({mixed.b, mixed.a, mixed.b}, 0s).not_done.size(), 2U);
  }
  mixed.first.set_result(3);
  EXPECT_EQ(mixed.a.result(), 3);
}

TEST(W1, ThousandFuturesCompletedByRacingThreadsDoNotDeadlock) {
  for (const auto until :
       {ReturnWhen::all_completed, ReturnWhen::first_exception, ReturnWhen::first_completed}) {
    std::vector<Promise<std::size_t>> promises(1000);
    std::vector<Future<std::size_t>> futures;
    for (const auto& promise : promises) futures.push_back(promise.future());
    const auto complete = [&](std::size_t from) {
      for (std::size_t i = from; i < promises.size(); i += 2) promises[i].set_result(i);
    };
    const std::jthread even(complete, 0);
    const std::jthread odd(complete, 1);
    std::size_t done = 0;
    std::vector<Future<std::size_t>> pending = futures;
    while (!pending.empty()) {
      auto result = wait(pending, 30s, until);
      ASSERT_FALSE(result.done.empty());
      done += result.done.size();
      pending = std::move(result.not_done);
    }
    EXPECT_EQ(done, 1000U);
  }
}

TEST(W1, SeveralThreadsWaitForTheSameFutures) {
  std::vector<Promise<int>> promises(100);
  std::vector<Future<int>> futures;
  for (const auto& promise : promises) futures.push_back(promise.future());
  std::vector<std::jthread> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&, i] {
      if (i == 0) {
        EXPECT_EQ(wait(futures, 30s).done.size(), 100U);
      } else {
        for (const auto& future : futures) EXPECT_EQ(future.result(30s), 1);
      }
    });
  }
  for (auto& promise : promises) promise.set_result(1);
}

TEST(W1, AThousandThreadsCompleteOneFutureEach) {
  constexpr std::size_t count = 1000;
  std::vector<Promise<std::size_t>> promises(count);
  std::vector<Future<std::size_t>> futures;
  for (const auto& promise : promises) futures.push_back(promise.future());
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&, i] { promises[i].set_result(i); });
  EXPECT_EQ(wait(futures, 60s).done.size(), count);
}

TEST(W1, CtrlCEndsEveryWaitOnceAndTheFuturesGoOn) {
  const std::vector<std::function<void(const Future<int>&)>> waits{
      [](const Future<int>& future) { future.result(30s); },
      [](const Future<int>& future) { static_cast<void>(wait({future}, 30s)); },
      [](const Future<int>& future) {
        for (const auto& done : as_completed({future}, 30s)) FAIL() << done.done();
      },
  };
  for (const auto& waits_for : waits) {
    Promise<int> promise;
    const Future<int> future = promise.future();
    const InterruptScope scope;
    const auto main_thread = ::pthread_self();
    const std::jthread interrupter([main_thread] { ::pthread_kill(main_thread, SIGINT); });
    EXPECT_THROW(waits_for(future), Interrupted);
    EXPECT_FALSE(future.done());
    promise.set_result(1);
    EXPECT_EQ(future.result(), 1);
  }
}

}  // namespace
}  // namespace forebay
