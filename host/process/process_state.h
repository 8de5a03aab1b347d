#pragma once

#include <sys/types.h>

#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "host/process/call.h"
#include "host/process/child.h"
#include "host/process/process_options.h"

namespace forebay::detail {

/// What the handles of one Process share; see there for what the methods promise.
///
/// Invariants:
///  1. Everything but `creator_` is touched under `mutex_` only. Waiting happens outside, on the descriptor,
///     which close() alone gives up.
///  2. made → running (start) → ended (settle, once, after the exit is confirmed) → closed. `call_` is empty
///     from the start on, the channel from the end on.
///  3. A running process is in the registry, so this object outlives the last handle.
class ProcessState : public std::enable_shared_from_this<ProcessState> {
 public:
  ProcessState(ProcessOptions options, Call call);

  void start();
  /// True once it has ended.
  bool join(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] bool is_alive();
  [[nodiscard]] std::optional<int> exit_code();
  [[nodiscard]] std::exception_ptr exception();
  void signal(int number);
  void close();
  [[nodiscard]] int sentinel() const;
  [[nodiscard]] std::optional<pid_t> pid() const;
  [[nodiscard]] std::string name() const;
  [[nodiscard]] bool daemon() const;
  void set_name(std::string name);
  void set_daemon(bool daemon);

  [[nodiscard]] pid_t creator() const noexcept { return creator_; }
  /// At the end of the program: never throws, and gives up at the deadline.
  bool end_by(std::chrono::steady_clock::time_point deadline) noexcept;
  void signal_quietly(int number) noexcept;

 private:
  enum class Phase { made, running, ended, closed };

  [[nodiscard]] SpawnOptions spawn_options() const;
  void require(const char* what, bool started) const;  // not closed, and started where that is needed
  void require_creator(const char* what) const;
  bool settle();
  void read_report();

  const pid_t creator_;
  mutable std::mutex mutex_;
  ProcessOptions options_;
  std::string number_;
  bool daemon_;
  Call call_;
  Phase phase_ = Phase::made;
  Child child_;
  std::optional<int> exit_code_;
  std::exception_ptr exception_;
};

}  // namespace forebay::detail
