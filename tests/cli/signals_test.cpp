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

/// What a watch has counted. Thread-safe.
class Counts {
 public:
  void add(int count) {
    const std::scoped_lock lock(mutex_);
    counts_.push_back(count);
    changed_.notify_all();
  }

  /// Waits until there are so many; false where they do not come.
  bool wait(std::size_t size) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return counts_.size() >= size; });
  }

  std::vector<int> get() {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> counts_;
};

/// Waits until the watch has read what was sent to the process; false where it does not.
bool wait_until_read() {
  for (int tries = 0; tries < 30'000; ++tries) {
    sigset_t pending;
    ::sigpending(&pending);
    const auto is_pending = [&](int number) { return ::sigismember(&pending, number) == 1; };
    if (!is_pending(SIGHUP) && !is_pending(SIGINT) && !is_pending(SIGTERM)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

/// A terminal closes, with all that this sends, and closes again later; then somebody wants the end at once.
/// What is counted behind each of the three.
std::vector<std::vector<int>> counts_of_a_terminal_that_closes() {
  Counts counts;
  const SignalWatch watch([&](int count) { counts.add(count); });
  std::vector<std::vector<int>> seen;
  for (const int number : {SIGHUP, SIGTERM, SIGINT, SIGHUP}) ::kill(::getpid(), number);
  EXPECT_TRUE(wait_until_read());
  EXPECT_TRUE(counts.wait(1));
  std::this_thread::sleep_for(limits::stop_again);
  seen.push_back(counts.get());
  ::kill(::getpid(), SIGHUP);
  EXPECT_TRUE(wait_until_read());
  std::this_thread::sleep_for(limits::stop_again);  // so that it would not swallow the next one if it counted
  seen.push_back(counts.get());
  ::kill(::getpid(), SIGTERM);
  EXPECT_TRUE(wait_until_read());
  EXPECT_TRUE(counts.wait(2));
  seen.push_back(counts.get());
  return seen;
}

TEST(SignalWatch, CountsStopSignals) {
  block_stop_signals();
  Counts counts;
  const SignalWatch watch([&](int count) { counts.add(count); });
  for (std::size_t i = 1; i <= 3; ++i) {
    ::kill(::getpid(), i == 2 ? SIGTERM : SIGINT);
    ASSERT_TRUE(counts.wait(i));
    std::this_thread::sleep_for(limits::stop_again);  // a person's second Ctrl+C
  }
  EXPECT_EQ(counts.get(), (std::vector<int>{1, 2, 3}));
}

TEST(SignalWatch, WhatComesTogetherOrHangsUpIsOneWish) {
  block_stop_signals();
  const std::vector<std::vector<int>> wanted{{1}, {1}, {1, 2}};
  std::vector<std::vector<int>> seen;
  // A busy machine may hold the watch up between what came together, but not each time.
  for (int tries = 0; tries < 3 && seen != wanted; ++tries) seen = counts_of_a_terminal_that_closes();
  EXPECT_EQ(seen, wanted);
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
