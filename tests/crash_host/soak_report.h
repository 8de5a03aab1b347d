#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/crash_host/resources.h"

namespace forebay::crash {

/// Items of one kind of pool, each counted once, but for `runs`.
struct SoakCounts {
  std::uint64_t submitted = 0;
  std::uint64_t answered = 0;    ///< with the right result
  std::uint64_t died = 0;        ///< with WorkerDied
  std::uint64_t wrong = 0;       ///< with anything else
  std::uint64_t duplicates = 0;  ///< more than one outcome
  std::uint64_t runs = 0;        ///< begun by workers: more than submitted where some ran again

  [[nodiscard]] std::uint64_t lost() const noexcept { return submitted - answered - died - wrong; }
};

struct SoakReport {
  std::uint64_t seed = 0;
  std::uint64_t kills = 0;
  std::uint64_t stopped = 0;    ///< of them: stopped a while before
  std::uint64_t segfaults = 0;  ///< of them: by SIGSEGV
  SoakCounts pool;
  SoakCounts executor;
  std::vector<std::chrono::nanoseconds> kill_to_answer;
  std::vector<std::chrono::nanoseconds> exit_to_answer;
  std::vector<std::chrono::nanoseconds> lateness;  ///< of a thread that sleeps: what the machine adds to all
  std::uint64_t parents = 0;                       ///< processes with pools that were killed
  std::chrono::milliseconds longest_survivor{0};
  std::string survivors;
  Resources before;
  Resources after;
  std::chrono::nanoseconds took{0};
  std::string stuck;  ///< what did not come in time

  /// No task lost or told twice, nothing left.
  [[nodiscard]] bool good() const;
  [[nodiscard]] std::string text() const;
};

/// The value below which `share` of them are; they are sorted. Zero where there are none.
[[nodiscard]] std::chrono::nanoseconds quantile(std::vector<std::chrono::nanoseconds>& values, double share);

}  // namespace forebay::crash
