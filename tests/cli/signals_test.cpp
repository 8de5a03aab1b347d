#include "pipeline/cli/signals.h"

#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <vector>

#include "host/limits.h"

namespace forebay::cli {
namespace {

TEST(SignalWatch, CountsStopSignals) {
  block_stop_signals();
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> counts;
  const SignalWatch watch([&](int count) {
    const std::scoped_lock lock(mutex);
    counts.push_back(count);
    changed.notify_all();
  });
  for (std::size_t i = 1; i <= 3; ++i) {
    ::kill(::getpid(), i == 2 ? SIGTERM : SIGINT);
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), [&] { return counts.size() == i; }));
    lock.unlock();
    std::this_thread::sleep_for(limits::stop_again);  // a person's second Ctrl+C
  }
  EXPECT_EQ(counts, (std::vector<int>{1, 2, 3}));
}

TEST(SignalWatch, WhatComesTogetherOrHangsUpIsOneWish) {
  block_stop_signals();
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> counts;
  const SignalWatch watch([&](int count) {
    const std::scoped_lock lock(mutex);
    counts.push_back(count);
    changed.notify_all();
  });
  for (const int number : {SIGHUP, SIGTERM, SIGINT, SIGHUP}) ::kill(::getpid(), number);
  std::this_thread::sleep_for(limits::stop_again);
  ::kill(::getpid(), SIGHUP);   // a terminal closes twice, at whatever distance
  ::kill(::getpid(), SIGTERM);  // read after it: nothing of before is still to come when this has been
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), [&] { return counts.size() >= 2; }));
  EXPECT_EQ(counts, (std::vector<int>{1, 2}));
}

TEST(SignalWatch, EndsWithoutASignal) {
  block_stop_signals();
  for (int round = 0; round < 20; ++round) const SignalWatch watch([](int) { FAIL(); });
}

TEST(Signals, AClosedPipeIsAnErrorOfTheWrite) {
  ignore_write_signals();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  ::close(ends[1]);
}

}  // namespace
}  // namespace forebay::cli
