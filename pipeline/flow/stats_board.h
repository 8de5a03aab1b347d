#pragma once

#include <mutex>
#include <utility>

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
  [[nodiscard]] RunStats snapshot() const {
    const std::scoped_lock lock(mutex_);
    return stats_;
  }

 private:
  mutable std::mutex mutex_;
  RunStats stats_;
};

}  // namespace forebay
