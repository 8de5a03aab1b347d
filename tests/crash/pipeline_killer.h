#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/pipeline.h"
#include "tests/crash/soak_options.h"

namespace forebay::crash {

/// What a killer has done, over several runs.
struct Kills {
  std::map<std::string, std::uint64_t> by;  ///< "worker kill" -> count
  std::uint64_t all = 0;
  std::uint64_t before_work = 0;  ///< of them: replacements that had not finished anything yet
  /// By role: from the signal to the replacement's process; and from the first signal to the first chunk or
  /// batch that a replacement finishes. "stopped worker": of one that was stopped.
  using Times = std::map<std::string, std::vector<std::chrono::nanoseconds>>;
  Times to_process;
  Times to_result;
};

/// A thread that ends a random process of a pipeline every few milliseconds, and sees when there is another
/// one that works. The pipeline must outlive it.
class PipelineKiller {
 public:
  PipelineKiller(const Pipeline& pipeline, const SoakOptions& options, std::uint64_t seed, Kills& kills);
  PipelineKiller(const PipelineKiller&) = delete;
  PipelineKiller& operator=(const PipelineKiller&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  /// A place of a worker, or of the owner behind them, and the death that is not made good yet.
  struct Seat {
    bool open = false;
    bool stopped = false;
    bool replaced = false;
    Clock::time_point since;   // the first death
    Clock::time_point killed;  // the last one
    pid_t victim = 0;
    double busy_s = 0;  // of the replacement when it was first seen
  };
  void run(const std::stop_token& stop);
  void kill_one();
  void look();
  [[nodiscard]] bool any_open() const;

  const Pipeline& pipeline_;
  const SoakOptions& options_;
  std::mt19937_64 random_;
  Kills& kills_;
  std::vector<Seat> seats_;
  std::jthread thread_;
};

}  // namespace forebay::crash
