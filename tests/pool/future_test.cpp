#include "host/pool/future.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
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

std::exception_ptr failure(const std::string& text) {
  return std::make_exception_ptr(std::runtime_error(text));
}

ErrorCode code_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& caught) {
    return caught.code();
  }
}

template <class Call>
ErrorCode code_thrown_by(Call&& call) {
  try {
    call();
  } catch (const Error& caught) {
    return caught.code();
  }
  throw std::logic_error("nothing was thrown");
}

TEST(F1, PendingThenRunningThenFinished) {
  Promise<int> promise;
  const Future<int> future = promise.future();
  EXPECT_FALSE(future.running() || future.done() || future.cancelled());
  EXPECT_TRUE(promise.set_running_or_notify_cancel());
  EXPECT_TRUE(future.running());
  EXPECT_FALSE(future.done() || future.cancelled());
  promise.set_result(7);
  EXPECT_TRUE(future.done());
  EXPECT_FALSE(future.running() || future.cancelled());
  EXPECT_EQ(future.result(), 7);
  EXPECT_EQ(future.result(0s), 7);
  EXPECT_EQ(future.exception(), nullptr);
}

TEST(F1, ResultThrowsTheTasksOwnException) {
  Promise<int> promise;
  const Future<int> future = promise.future();
  promise.set_exception(std::make_exception_ptr(std::out_of_range("at 5")));
  EXPECT_TRUE(future.done());
  EXPECT_THROW(future.result(), std::out_of_range);
  EXPECT_THROW(future.result(1s), std::out_of_range);
  EXPECT_THROW(std::rethrow_exception(future.exception()), std::out_of_range);
}

TEST(F1, OnlyAPendingFutureIsCancelled) {
  Promise<int> pending;
  EXPECT_TRUE(pending.future().cancel());
  EXPECT_TRUE(pending.future().cancel()) << "it stays cancelled";
  EXPECT_TRUE(pending.future().cancelled());
  EXPECT_TRUE(pending.future().done());
  EXPECT_FALSE(pending.set_running_or_notify_cancel());

  Promise<int> running;
  EXPECT_TRUE(running.set_running_or_notify_cancel());
  EXPECT_FALSE(running.future().cancel());
  EXPECT_TRUE(running.future().running());

  Promise<int> finished;
  finished.set_result(1);
  EXPECT_FALSE(finished.future().cancel());
  EXPECT_FALSE(finished.future().cancelled());
  EXPECT_EQ(finished.future().result(), 1);
}

TEST(F1, ACancelledFutureThrowsCancelledErrorFromResultAndException) {
  Promise<int> promise;
  const Future<int> future = promise.future();
  ASSERT_TRUE(future.cancel());
  EXPECT_THROW(future.result(), CancelledError);
  EXPECT_THROW(future.result(0s), CancelledError);
  EXPECT_THROW(static_cast<void>(future.exception()), CancelledError);
  EXPECT_EQ(code_thrown_by([&] { future.result(); }), ErrorCode::cancelled);
}

TEST(F1, ASecondResultOrExceptionOrStartIsAnInvalidState) {
  Promise<int> promise;
  promise.set_result(1);
  EXPECT_THROW(promise.set_result(2), InvalidStateError);
  EXPECT_THROW(promise.set_exception(failure("late")), InvalidStateError);
  EXPECT_THROW(promise.set_running_or_notify_cancel(), InvalidStateError);
  EXPECT_EQ(code_thrown_by([&] { promise.set_result(3); }), ErrorCode::usage);
  EXPECT_EQ(promise.future().result(), 1);
  EXPECT_EQ(promise.future().exception(), nullptr);

  Promise<int> failed;
  failed.set_exception(failure("first"));
  EXPECT_THROW(failed.set_result(2), InvalidStateError);
  EXPECT_THROW(failed.future().result(), std::runtime_error);

  Promise<int> cancelled;
  cancelled.future().cancel();
  EXPECT_THROW(cancelled.set_result(1), InvalidStateError);
  EXPECT_THROW(cancelled.set_exception(failure("late")), InvalidStateError);

  Promise<int> running;
  running.set_running_or_notify_cancel();
  EXPECT_THROW(running.set_running_or_notify_cancel(), InvalidStateError);
}

TEST(F1, ResultAndExceptionTimeOutNotEarlyAndTheFutureGoesOn) {
  Promise<int> promise;
  const Future<int> future = promise.future();
  EXPECT_THROW(future.result(0s), TimeoutError);
  EXPECT_THROW(future.result(-1s), TimeoutError);
  EXPECT_THROW(static_cast<void>(future.exception(0s)), TimeoutError);
  const auto begin = Clock::now();
  EXPECT_THROW(future.result(50ms), TimeoutError);
  EXPECT_GE(Clock::now() - begin, 50ms);
  EXPECT_THROW(static_cast<void>(future.exception(20ms)), TimeoutError);
  EXPECT_GE(Clock::now() - begin, 70ms);
  EXPECT_EQ(code_thrown_by([&] { future.result(1ms); }), ErrorCode::timeout);
  promise.set_result(3);
  EXPECT_EQ(future.result(), 3);
}

TEST(F1, AnEndlessTimeoutIsNoOverflow) {
  Promise<int> promise;
  const Future<int> future = promise.future();
  const std::jthread setter([&] { promise.set_result(4); });
  EXPECT_EQ(future.result(std::chrono::nanoseconds::max()), 4);
}

TEST(F1, AWaiterGetsTheResultOfAnotherThread) {
  for (int round = 0; round < 200; ++round) {
    Promise<std::string> promise;
    const Future<std::string> future = promise.future();
    const std::jthread setter([promise = std::move(promise)]() mutable { promise.set_result("done"); });
    EXPECT_EQ(future.result(30s), "done");
  }
}

TEST(F1, AWaiterGetsTheExceptionOfAnotherThread) {
  Promise<int> promise;
  const Future<int> future = promise.future();
  const std::jthread setter([&] { promise.set_exception(failure("there")); });
  EXPECT_THROW(future.result(30s), std::runtime_error);
}

TEST(F1, CancelFromAnotherThreadEndsAWait) {
  Promise<int> promise;
  const Future<int> future = promise.future();
  std::latch waits(1);
  const std::jthread canceller([&] {
    waits.wait();
    EXPECT_TRUE(future.cancel());
  });
  waits.count_down();
  EXPECT_THROW(future.result(30s), CancelledError);
}

TEST(F1, OfManyThatCompleteItOneWins) {
  for (int round = 0; round < 50; ++round) {
    Promise<int> promise;
    const Future<int> future = promise.future();
    std::atomic<int> winners{0};
    std::atomic<int> calls{0};
    future.add_done_callback([&](const Future<int>&) { ++calls; });
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
          try {
            promise.set_result(i);
            ++winners;
          } catch (const InvalidStateError&) {
          }
        });
      }
      // Both claim it only if it was cancelled; a set one is not.
      threads.emplace_back([&] { winners += future.cancel() ? 1 : 0; });
    }
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(future.done());
  }
}

TEST(F1, AllThatCancelAtOnceAreToldTrueAndFindItDone) {
  for (int round = 0; round < 50; ++round) {
    Promise<int> promise;
    const Future<int> future = promise.future();
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { EXPECT_TRUE(future.cancel() && future.done() && future.cancelled()); });
    }
  }
}

TEST(F1, CallbacksRunInTheirOrderOnceInTheThreadThatCompletes) {
  Promise<int> promise;
  const Future<int> future = promise.future();
  std::vector<int> calls;
  std::thread::id caller;
  for (int i = 0; i < 5; ++i) {
    future.add_done_callback([&, i](const Future<int>& done) {
      calls.push_back(10 * i + done.result());
      caller = std::this_thread::get_id();
    });
  }
  EXPECT_TRUE(calls.empty());
  std::thread setter([&] { promise.set_result(3); });
  const std::thread::id setter_id = setter.get_id();
  setter.join();
  EXPECT_THAT(calls, ElementsAre(3, 13, 23, 33, 43));
  EXPECT_EQ(caller, setter_id);
}

TEST(F1, ACallbackOfADoneFutureRunsAtOnceInTheCaller) {
  Promise<int> promise;
  const Future<int> future = promise.future();
  promise.set_exception(failure("x"));
  std::thread::id caller;
  future.add_done_callback([&](const Future<int>& done) {
    EXPECT_TRUE(done == future);
    EXPECT_NE(done.exception(), nullptr);
    caller = std::this_thread::get_id();
  });
  EXPECT_EQ(caller, std::this_thread::get_id());
}

TEST(F1, CancellingRunsTheCallbacks) {
  Promise<int> promise;
  bool cancelled = false;
  promise.future().add_done_callback([&](const Future<int>& done) { cancelled = done.cancelled(); });
  promise.future().cancel();
  EXPECT_TRUE(cancelled);
}

TEST(F1, ARaisingCallbackIsOneLineOnStderrAndTheOthersRun) {
  Promise<int> promise;
  const Future<int> future = promise.future();
  std::vector<int> calls;
  future.add_done_callback([&](const Future<int>&) { calls.push_back(1); });
  future.add_done_callback([](const Future<int>&) { throw std::runtime_error("doh!"); });
  future.add_done_callback([](const Future<int>&) { throw 5; });
  future.add_done_callback([&](const Future<int>&) { calls.push_back(2); });
  testing::internal::CaptureStderr();
  promise.set_result(0);
  future.add_done_callback([](const Future<int>&) { throw std::runtime_error("late"); });
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(calls, ElementsAre(1, 2));
  EXPECT_EQ(text,
            "forebay: a future's callback threw: doh!\n"
            "forebay: a future's callback threw something that is no std::exception\n"
            "forebay: a future's callback threw: late\n");
}

TEST(F1, ACallbackMayHoldWhatCanOnlyBeMovedAndIsReleasedAfterItsRun) {
  Promise<int> promise;
  auto held = std::make_shared<int>(4);
  const std::weak_ptr<int> watch = held;
  int got = 0;
  promise.future().add_done_callback([held = std::move(held), only = std::make_unique<int>(5),
                                      &got](const Future<int>&) mutable { got = *held + *only; });
  bool released = false;
  promise.future().add_done_callback([&](const Future<int>&) { released = watch.expired(); });
  EXPECT_FALSE(watch.expired());
  promise.set_result(0);
  EXPECT_EQ(got, 9);
  EXPECT_TRUE(released) << "before the next callback";
}

TEST(F1, ACallbackMayDropThePromiseAndTheLastHandle) {
  auto promise = std::make_unique<Promise<int>>();
  auto future = std::make_unique<Future<int>>(promise->future());
  int calls = 0;
  future->add_done_callback([&](const Future<int>&) {
    promise.reset();
    future.reset();
    ++calls;
  });
  future->add_done_callback([&](const Future<int>&) { ++calls; });
  Promise<int>& raw = *promise;
  raw.set_result(1);
  EXPECT_EQ(calls, 2);
}

TEST(F1, ACallbackMayCompleteAndCallBackOtherFutures) {
  Promise<int> first;
  Promise<int> second;
  first.future().add_done_callback([&](const Future<int>& done) {
    done.add_done_callback([&](const Future<int>& again) { second.set_result(again.result() + 1); });
  });
  first.set_result(1);
  EXPECT_EQ(second.future().result(0s), 2);
}

TEST(Future, WithoutAStateIsAUsageError) {
  const Future<int> future;
  EXPECT_FALSE(future.valid());
  EXPECT_EQ(code_thrown_by([&] { future.result(); }), ErrorCode::usage);
  EXPECT_EQ(code_thrown_by([&] { static_cast<void>(future.done()); }), ErrorCode::usage);
  Promise<int> promise;
  const Promise<int> moved = std::move(promise);
  EXPECT_TRUE(moved.future().valid());
  // NOLINTNEXTLINE(bugprone-use-after-move): what it says then is tested
  EXPECT_EQ(code_thrown_by([&] { static_cast<void>(promise.future()); }), ErrorCode::usage);
}

TEST(Future, HandlesOfOneFutureAreEqual) {
  const Promise<int> promise;
  const Promise<int> other;
  const Future<int> future = promise.future();
  const Future<int> copy = future;
  EXPECT_TRUE(copy == promise.future());
  EXPECT_FALSE(copy == other.future());
  EXPECT_TRUE(FutureHandle(copy) == future);
}

TEST(Future, AbandonedByItsPromiseItFailsInsteadOfHanging) {
  Future<int> dropped;
  Future<int> replaced;
  {
    Promise<int> promise;
    replaced = promise.future();
    promise = Promise<int>();
    dropped = promise.future();
    EXPECT_TRUE(replaced.done());
    EXPECT_FALSE(dropped.done());
  }
  EXPECT_THROW(dropped.result(30s), BrokenPromiseError);
  EXPECT_THROW(replaced.result(30s), BrokenPromiseError);
  EXPECT_EQ(code_of(dropped.exception(0s)), ErrorCode::peer_died);
}

TEST(Future, OutlivesItsPromiseAndThePromiseItsFutures) {
  Future<std::string> future;
  {
    Promise<std::string> promise;
    future = promise.future();
    promise.set_result("kept");
  }
  EXPECT_EQ(future.result(), "kept");
  Promise<std::string> lonely;
  static_cast<void>(lonely.future());
  EXPECT_NO_THROW(lonely.set_result("for nobody"));
}

TEST(Future, OfVoidHasNothingButItsEnd) {
  Promise<void> promise;
  Future<void> future = promise.future();
  EXPECT_THROW(future.result(0s), TimeoutError);
  promise.set_result();
  future.result();
  std::move(future).result();
  Promise<void> failed;
  failed.set_exception(failure("void"));
  EXPECT_THROW(failed.future().result(), std::runtime_error);
}

TEST(Future, TheOnlyHandleMovesTheResultOut) {
  Promise<std::unique_ptr<int>> promise;
  Future<std::unique_ptr<int>> future = promise.future();
  EXPECT_THROW(std::move(future).result(0s), TimeoutError);
  promise.set_result(std::make_unique<int>(6));
  ASSERT_TRUE(future.valid()) << "a time-out leaves the handle";
  const std::unique_ptr<int> taken = std::move(future).result();
  EXPECT_EQ(*taken, 6);
  EXPECT_EQ(code_thrown_by([&] { future.result(); }), ErrorCode::usage) << "it is gone";
}

TEST(Future, WhatCanOnlyBeMovedIsReadByReferenceThroughASharedHandle) {
  Promise<std::unique_ptr<int>> promise;
  Future<std::unique_ptr<int>> future = promise.future();
  promise.set_result(std::make_unique<int>(6));
  {
    const Future<std::unique_ptr<int>> other = future;
    EXPECT_EQ(*other.result(), 6);
    EXPECT_EQ(code_thrown_by([&] { std::move(future).result(); }), ErrorCode::usage);
  }
  EXPECT_EQ(*std::move(future).result(), 6);
}

TEST(Future, ASharedHandleCopiesTheResult) {
  Promise<std::string> promise;
  Future<std::string> future = promise.future();
  Future<std::string> other = future;
  promise.set_result(100, 'x');
  EXPECT_EQ(std::move(other).result(), std::string(100, 'x'));
  EXPECT_EQ(future.result(), std::string(100, 'x')) << "still there";
}

TEST(Future, ACallbackOfATemporaryHasTheOnlyHandle) {
  Promise<std::unique_ptr<int>> promise;
  int got = 0;
  promise.future().add_done_callback(
      [&](Future<std::unique_ptr<int>> done) { got = *std::move(done).result(); });
  promise.set_result(std::make_unique<int>(8));
  EXPECT_EQ(got, 8);
}

struct ThrowsWhenCopied {
  ThrowsWhenCopied() = default;
  ThrowsWhenCopied(const ThrowsWhenCopied& /*other*/) { throw std::runtime_error("copied"); }
  ThrowsWhenCopied& operator=(const ThrowsWhenCopied&) = delete;
};

TEST(Future, AThrowingConstructorLeavesThePromiseToBeSet) {
  Promise<ThrowsWhenCopied> promise;
  const Future<ThrowsWhenCopied> future = promise.future();
  const ThrowsWhenCopied value;
  EXPECT_THROW(promise.set_result(value), std::runtime_error);
  EXPECT_FALSE(future.done());
  EXPECT_TRUE(promise.set_running_or_notify_cancel()) << "it is pending as before";
  promise.set_result();
  EXPECT_NO_THROW(future.result());
  Future<ThrowsWhenCopied> other = future;
  EXPECT_THROW(std::move(other).result(), std::runtime_error);
}

TEST(Future, AnEngineResolvesWithWhatAFunctionReturnsOrThrows) {
  struct Pinned {  // neither copied nor moved
    explicit Pinned(int number) : value(number) {}
    Pinned(const Pinned&) = delete;
    Pinned& operator=(const Pinned&) = delete;
    int value;
  };
  const auto state = detail::FutureValue<Pinned>::make();
  const Future<Pinned> future(state);
  EXPECT_TRUE(state->resolve_with([] { return Pinned(9); }));
  EXPECT_EQ(future.result().value, 9);
  EXPECT_FALSE(state->resolve_with([]() -> Pinned { throw std::logic_error("not called"); }));

  const auto bad = detail::FutureValue<void>::make();
  EXPECT_TRUE(bad->resolve_with([] { throw std::runtime_error("cannot decode"); }));
  EXPECT_THROW(Future<void>(bad).result(), std::runtime_error);
  EXPECT_FALSE(bad->resolve());
  EXPECT_FALSE(bad->fail(failure("late")));
}

TEST(Future, CompletedOftenWhileHandlesComeAndGo) {
  for (int round = 0; round < 2000; ++round) {
    Promise<std::unique_ptr<int>> promise;
    Future<std::unique_ptr<int>> future = promise.future();
    std::jthread setter([promise = std::move(promise), round]() mutable {
      promise.set_result(std::make_unique<int>(round));
    });
    ASSERT_EQ(*std::move(future).result(30s), round) << "the promise is no handle";
  }
}

}  // namespace
}  // namespace forebay
