#include "pipeline/cli/signals.h"

#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <vector>

namespace forebay::cli {
namespace {

TEST(SignalWatch, CountsStopSignals) {
  prepare_signals();
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
  }
  EXPECT_EQ(counts, (std::vector<int>{1, 2, 3}));
}

TEST(SignalWatch, EndsWithoutASignal) {
  prepare_signals();
  for (int round = 0; round < 20; ++round) const SignalWatch watch([](int) { FAIL(); });
}

TEST(Signals, AClosedPipeIsAnErrorOfTheWrite) {
  prepare_signals();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  ::close(ends[1]);
}

}  // namespace
}  // namespace forebay::cli
