#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>

#include "pipeline/cli/console.h"
#include "pipeline/run_stats.h"

namespace forebay::cli {

/// Prints the notices of a run as they come, at most a few a second: in a storm the rest is counted. One
/// thread.
class NoticePrinter {
 public:
  explicit NoticePrinter(Console& console) : console_(console) {}

  /// Prints what is new.
  void print(const RunStats& stats);
  /// Prints how many were left out.
  void finish(const RunStats& stats);

 private:
  /// Who waits for long; once for each wait.
  void print_waits(const RunStats& stats);

  static constexpr std::uint64_t lines_a_second = 5;

  Console& console_;
  std::uint64_t seen_ = 0;
  std::uint64_t left_out_ = 0;
  std::set<std::string> waits_said_;
  std::uint64_t allowed_ = lines_a_second;
  std::chrono::steady_clock::time_point refilled_ = std::chrono::steady_clock::now();
};

}  // namespace forebay::cli
