#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "host/process/process_state.h"

namespace forebay::detail {

/// The processes that this one has started and not yet seen end: they live on without a handle. Thread-safe.
/// Never destroyed, as a late static destructor may still let go of a Process.
class ProcessRegistry {
 public:
  [[nodiscard]] static ProcessRegistry& instance();

  void add(std::shared_ptr<ProcessState> state);
  void remove(const ProcessState* state) noexcept;
  /// Those of this process, not those that a forked copy inherited.
  [[nodiscard]] std::vector<std::shared_ptr<ProcessState>> running() const;

  /// In a copy that the start method fork made: the processes are the original's.
  void forget() noexcept { std::construct_at(this); }

  /// At the program's normal end: SIGTERM to the daemons, SIGKILL to those that are there after
  /// limits::child_stop; then waits for the others, without limit, as the application asked for. Nothing in a
  /// forked copy.
  void finish() noexcept;

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<ProcessState>> states_;
};

}  // namespace forebay::detail
