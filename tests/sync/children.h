#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <deque>

#include "host/process/process.h"
#include "host/sync/event.h"

namespace forebay::sharing {

using Clock = std::chrono::steady_clock;

/// Far above what anything here takes; a hang ends there and is a failure.
inline constexpr std::chrono::seconds patience{20};
/// What Forebay promises after a death.
inline constexpr std::chrono::seconds within{1};

/// Processes that are killed where a test leaves them behind.
class Children {
 public:
  Children() = default;
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  ~Children() {
    for (Process& process : processes_) {
      if (process.is_alive()) process.kill();
      process.join();
    }
  }
  template <typename F, typename... A>
  Process& start(const F& function, A&&... arguments) {
    processes_.emplace_back(function, std::forward<A>(arguments)...);
    processes_.back().start();
    return processes_.back();
  }
  [[nodiscard]] Process& front() { return processes_.front(); }
  /// All end well.
  void expect_good_ends() {
    for (Process& process : processes_) {
      ASSERT_TRUE(process.join(patience)) << "a process hangs";
      EXPECT_EQ(process.exit_code(), 0);
    }
  }

 private:
  std::deque<Process> processes_;  // references stay good
};

/// For children that must be there and are killed.
inline void stay(Event there) {
  there.set();
  Event never;
  never.wait(patience);
}

inline double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace forebay::sharing
