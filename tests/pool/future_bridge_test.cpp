#include <gtest/gtest.h>

#include <chrono>
#include <coroutine>
#include <exception>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "host/pool/future.h"
#include "host/pool/promise.h"

namespace forebay {
namespace {

using namespace std::chrono_literals;

TEST(StdFuture, GetsTheResultTheErrorAndTheCancellation) {
  Promise<std::string> good;
  Promise<int> bad;
  Promise<int> cancelled;
  std::future<std::string> result = good.future().to_std();
  auto error = static_cast<std::future<int>>(bad.future());
  std::future<int> never = cancelled.future().to_std();
  EXPECT_EQ(result.wait_for(0s), std::future_status::timeout);
  good.set_result("text");
  bad.set_exception(std::make_exception_ptr(std::domain_error("no")));
  cancelled.future().cancel();
  EXPECT_EQ(result.get(), "text");
  EXPECT_THROW(error.get(), std::domain_error);
  EXPECT_THROW(never.get(), CancelledError);
}

TEST(StdFuture, OfADoneFutureAndOfVoid) {
  Promise<void> promise;
  promise.set_result();
  std::future<void> result = promise.future().to_std();
  EXPECT_EQ(result.wait_for(0s), std::future_status::ready);
  EXPECT_NO_THROW(result.get());
}

TEST(StdFuture, TheLastHandleMovesASharedOneCopies) {
  Promise<std::unique_ptr<int>> moved;
  std::future<std::unique_ptr<int>> result = moved.future().to_std();
  moved.set_result(std::make_unique<int>(3));
  EXPECT_EQ(*result.get(), 3);

  Promise<std::string> copied;
  const Future<std::string> kept = copied.future();
  auto copy = static_cast<std::future<std::string>>(kept);
  copied.set_result("both");
  EXPECT_EQ(copy.get(), "both");
  EXPECT_EQ(kept.result(), "both");

  Promise<std::unique_ptr<int>> shared;
  const Future<std::unique_ptr<int>> handle = shared.future();
  std::future<std::unique_ptr<int>> refused = handle.to_std();
  shared.set_result(std::make_unique<int>(4));
  EXPECT_THROW(refused.get(), Error) << "there is another handle";
  EXPECT_EQ(*handle.result(), 4);
}

TEST(StdFuture, TheLastHandleMovesAlsoInARace) {
  for (int round = 0; round < 500; ++round) {
    Promise<std::unique_ptr<int>> promise;
    Future<std::unique_ptr<int>> future = promise.future();
    const std::jthread setter([&] { promise.set_result(std::make_unique<int>(round)); });
    ASSERT_EQ(*std::move(future).to_std().get(), round);
  }
}

TEST(StdFuture, ThrowsTheUsageErrorOfNoState) {
  const Future<int> none;
  EXPECT_THROW(static_cast<void>(none.to_std()), Error);
}

/// A coroutine that starts at once; its result is a Future too.
struct Task {
  struct promise_type {
    Promise<std::string> promise;
    Task get_return_object() { return Task{promise.future()}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_value(std::string value) { promise.set_result(std::move(value)); }
    void unhandled_exception() { promise.set_exception(std::current_exception()); }
  };
  Future<std::string> future;
};

Task join(Future<std::string> left, Promise<std::unique_ptr<int>>& right, std::thread::id& resumed_in) {
  const std::string& text = co_await left;
  const std::unique_ptr<int> number = co_await right.future();
  resumed_in = std::this_thread::get_id();
  co_return text + std::to_string(*number);
}

Task after(Future<void> gate) {
  co_await gate;
  co_return "open";
}

TEST(Coroutine, GoesOnWithTheResultInTheThreadThatCompletes) {
  Promise<std::string> left;
  Promise<std::unique_ptr<int>> right;
  std::thread::id resumed_in;
  const Task task = join(left.future(), right, resumed_in);
  EXPECT_FALSE(task.future.done());
  left.set_result("n = ");
  EXPECT_FALSE(task.future.done());
  std::thread setter([&] { right.set_result(std::make_unique<int>(5)); });
  const std::thread::id setter_id = setter.get_id();
  EXPECT_EQ(task.future.result(30s), "n = 5");
  setter.join();
  EXPECT_EQ(resumed_in, setter_id);
}

TEST(Coroutine, DoesNotStopForADoneFuture) {
  Promise<void> gate;
  gate.set_result();
  EXPECT_EQ(after(gate.future()).future.result(0s), "open");
}

TEST(Coroutine, GetsTheErrorAndTheCancellation) {
  Promise<void> bad;
  const Task failed = after(bad.future());
  bad.set_exception(std::make_exception_ptr(std::domain_error("shut")));
  EXPECT_THROW(failed.future.result(0s), std::domain_error);

  const Promise<void> never;
  const Task cancelled = after(never.future());
  never.future().cancel();
  EXPECT_THROW(cancelled.future.result(0s), CancelledError);

  Task broken;
  {
    const Promise<void> dropped;
    broken = after(dropped.future());
  }
  EXPECT_THROW(broken.future.result(0s), BrokenPromiseError);
}

TEST(Coroutine, AwaitsInARaceWithTheCompletion) {
  for (int round = 0; round < 500; ++round) {
    Promise<void> gate;
    const std::jthread setter([&] { gate.set_result(); });
    ASSERT_EQ(after(gate.future()).future.result(30s), "open");
  }
}

}  // namespace
}  // namespace forebay
