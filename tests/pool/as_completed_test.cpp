#include "host/pool/as_completed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "host/pool/promise.h"

namespace forebay {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::ElementsAre;
using testing::IsEmpty;

static_assert(std::ranges::input_range<AsCompleted<Future<int>>>);

struct Three {
  std::vector<Promise<int>> promises = std::vector<Promise<int>>(3);
  std::vector<Future<int>> futures{promises[0].future(), promises[1].future(), promises[2].future()};
};

TEST(W2, GivesThemInTheOrderOfTheirEndsTheDoneOnesFirst) {
  Three three;
  three.promises[2].set_result(2);
  std::vector<Future<int>> order;
  auto range = as_completed(three.futures);
  three.promises[1].set_exception(std::make_exception_ptr(std::runtime_error("x")));
  three.futures[0].cancel();
  for (const auto& future : range) order.push_back(future);
  EXPECT_THAT(order, ElementsAre(three.futures[2], three.futures[1], three.futures[0]));
}

TEST(W2, WithoutFuturesTheLoopIsEmpty) {
  for (const auto& future : as_completed(std::vector<Future<int>>{})) FAIL() << future.done();
  for (const auto& future : as_completed(std::vector<Future<int>>{}, 0s)) FAIL() << future.done();
}

TEST(W2, WithoutATimeoutItWaits) {
  Three three;
  const std::jthread setter([&] {
    for (int i = 0; i < 3; ++i) three.promises[static_cast<std::size_t>(i)].set_result(i);
  });
  int sum = 0;
  for (const auto& future : as_completed(three.futures)) sum += future.result();
  EXPECT_EQ(sum, 3);
}

TEST(W2, ZeroTimeoutGivesTheDoneOnesThenThrowsWithTheCount) {
  Three three;
  three.promises[1].set_result(1);
  std::vector<Future<int>> order;
  try {
    for (const auto& future : as_completed(three.futures, 0s)) order.push_back(future);
    FAIL() << "two are not done";
  } catch (const TimeoutError& error) {
    EXPECT_STREQ(error.what(), "2 (of 3) futures unfinished");
  }
  EXPECT_THAT(order, ElementsAre(three.futures[1]));
}

TEST(W2, ZeroTimeoutOfDoneFuturesThrowsNothing) {
  Three three;
  for (auto& promise : three.promises) promise.set_result(1);
  int count = 0;
  for (const auto& future : as_completed(three.futures, 0s)) count += future.result();
  EXPECT_EQ(count, 3);
}

TEST(W2, TheTimeoutCountsFromTheCall) {
  Three three;
  three.promises[0].set_result(0);
  const auto begin = Clock::now();
  auto range = as_completed(three.futures, 60ms);
  int given = 0;
  try {
    for (const auto& future : range) {
      ++given;
      EXPECT_THROW(three.futures[1].result(30ms), TimeoutError) << future.done();
    }
    FAIL() << "two are not done";
  } catch (const TimeoutError&) {
    EXPECT_GE(Clock::now() - begin, 60ms);
    EXPECT_LT(Clock::now() - begin, 20s);
  }
  EXPECT_EQ(given, 1);
}

TEST(W2, DuplicatesComeOnce) {
  Three three;
  three.promises[0].set_result(0);
  const std::vector<Future<int>> twice{three.futures[0], three.futures[1], three.futures[0],
                                       three.futures[1]};
  try {
    int given = 0;
    for (const auto& future : as_completed(twice, 0s)) {
      EXPECT_TRUE(future == three.futures[0]);
      EXPECT_EQ(++given, 1);
    }
    FAIL() << "one is not done";
  } catch (const TimeoutError& error) {
    EXPECT_STREQ(error.what(), "1 (of 2) futures unfinished");
  }
}

TEST(W2, MayBeLeftInTheMiddle) {
  Three three;
  three.promises[0].set_result(0);
  for (const auto& future : as_completed(three.futures)) {
    EXPECT_EQ(future.result(), 0);
    break;
  }
  three.promises[1].set_result(1);
  EXPECT_EQ(three.futures[1].result(), 1);
}

TEST(W2, KeepsNoHandleOfAFutureThatItGaveOut) {
  std::vector<Promise<std::unique_ptr<int>>> promises(3);
  std::vector<Future<std::unique_ptr<int>>> futures;
  for (const auto& promise : promises) futures.push_back(promise.future());
  auto range = as_completed(std::exchange(futures, {}), 30s);
  const std::jthread setter([&] {
    for (auto& promise : promises) promise.set_result(std::make_unique<int>(2));
  });
  int sum = 0;
  for (auto& future : range) sum += *std::move(future).result();
  EXPECT_EQ(sum, 6) << "each is the only handle";
}

TEST(W2, TakesFuturesOfSeveralTypes) {
  Promise<int> number;
  Promise<std::string> text;
  text.set_result("first");
  number.set_result(2);
  int given = 0;
  for (const FutureHandle& future : as_completed({number.future(), text.future()}, 0s)) {
    EXPECT_TRUE(future == (given++ == 0 ? FutureHandle(number.future()) : FutureHandle(text.future())));
  }
  EXPECT_EQ(given, 2);
}

TEST(W2, ThousandFuturesCompletedByARacingThread) {
  std::vector<Promise<std::size_t>> promises(1000);
  std::vector<Future<std::size_t>> futures;
  for (const auto& promise : promises) futures.push_back(promise.future());
  const std::jthread setter([&] {
    for (std::size_t i = 0; i < promises.size(); ++i) promises[i].set_result(i);
  });
  std::vector<bool> seen(promises.size());
  for (auto& future : as_completed(std::exchange(futures, {}), 60s)) {
    const std::size_t index = future.result();
    EXPECT_FALSE(seen[index]);
    seen[index] = true;
    future = {};  // its end comes here, while its setter may still be in set_result
  }
  EXPECT_THAT(seen, testing::Each(true));
}

}  // namespace
}  // namespace forebay
