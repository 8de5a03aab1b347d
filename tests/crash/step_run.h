#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "host/process/child.h"

namespace forebay::crash {

/// One run of the matrix: a coordinator of its own, at whose workers or owner death comes at one step.
struct StepCase {
  std::string step;  ///< of slot_step_names; empty: nobody dies
  std::string how;   ///< kill, segv, exit, stop
  unsigned visit = 1;
  bool owner = false;
  bool completion = false;  ///< the order
  [[nodiscard]] std::string text() const;
};

/// What came of it.
struct StepOutcome {
  bool finished = false;          ///< the run came to its end without an error
  std::array<char, 256> error{};  ///< else what it said
  std::uint32_t worker_restarts = 0;
  std::uint32_t owner_restarts = 0;
  std::int64_t recovery_us = -1;  ///< from the death until its replacement was started; -1: not seen
  std::uint64_t files = 0;        ///< descriptors, children and threads of the coordinator afterwards
  std::uint64_t children = 0;
  std::uint64_t threads = 0;
  std::uint64_t memory_files = 0;  ///< mappings of sealed memory
};

/// A StepCase under way, in a process of its own, whose children inherit the crash point.
class StepRun {
 public:
  /// Starts the coordinator, which reads `list` and writes its output into `folder`/out.
  StepRun(StepCase what, const std::string& list, const std::string& folder);
  /// Waits, at most so long from the start: false then, and the coordinator is killed.
  [[nodiscard]] bool wait(std::chrono::seconds patience, StepOutcome& outcome);

  [[nodiscard]] const StepCase& what() const noexcept { return case_; }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  /// Somebody came to the step and died there.
  [[nodiscard]] bool died() const;

 private:
  StepCase case_;
  std::string folder_;
  Child coordinator_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace forebay::crash
