#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <utility>

#include "host/limits.h"
#include "pipeline/flow/wait_board.h"
#include "pipeline/run_stats.h"

namespace forebay {

/// The one copy of a run's figures: the flow thread and the caller add to it, anybody reads it. Thread-safe.
class StatsBoard {
 public:
  template <typename F>
  void update(F&& change) {
    const std::scoped_lock lock(mutex_);
    std::forward<F>(change)(stats_);
  }
  /// One line about what happened beside the plan.
  void notice(std::string text) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    const std::scoped_lock lock(mutex_);
    ++stats_.notices_total;
    if (stats_.notices.size() < limits::notices_kept) stats_.notices.add({seconds, std::move(text)});
  }
  [[nodiscard]] RunStats snapshot() const {
    RunStats copy;
    {
      const std::scoped_lock lock(mutex_);
      copy = stats_;
    }
    copy.waits = waits_.waits();
    return copy;
  }
  [[nodiscard]] WaitBoard& waits() noexcept { return waits_; }

 private:
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  RunStats stats_;
  WaitBoard waits_;
};

}  // namespace forebay
