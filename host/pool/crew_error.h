#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string>

#include "host/error.h"
#include "host/process/child.h"

namespace forebay {

/// The worker that ran this task died, so whether the task had an effect is not known. The other tasks are
/// not concerned. Its code is ErrorCode::peer_died.
class WorkerDied : public Error {
 public:
  WorkerDied(pid_t pid, const ExitStatus& status, std::uint64_t task, std::uint64_t item,
             std::uint32_t attempts, std::source_location where = std::source_location::current());

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// The signal that ended the worker; 0 where it exited, or where its status is not known.
  [[nodiscard]] int signal() const noexcept { return status_.known ? status_.signal : 0; }
  [[nodiscard]] const ExitStatus& status() const noexcept { return status_; }
  /// The number of the task in its pool, counted from 1 (a chunk is one), and the index of the item in its
  /// map; 0 for a single call.
  [[nodiscard]] std::uint64_t task() const noexcept { return task_; }
  [[nodiscard]] std::uint64_t item() const noexcept { return item_; }
  /// How often it was tried.
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

 private:
  pid_t pid_;
  ExitStatus status_;
  std::uint64_t task_;
  std::uint64_t item_;
  std::uint32_t attempts_;
};

/// An item ran for longer than the pool's task_timeout, so its worker was killed: whether it had an effect is
/// not known. The other items are not concerned. Its code is ErrorCode::timeout. Not a TimeoutError, after
/// which the task would go on.
class TaskTimeout : public Error {
 public:
  TaskTimeout(pid_t pid, std::chrono::milliseconds limit, std::uint64_t task, std::uint64_t item,
              std::uint32_t attempts, std::source_location where = std::source_location::current());

  /// Of the worker that was killed.
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] std::chrono::milliseconds limit() const noexcept { return limit_; }
  /// As WorkerDied's.
  [[nodiscard]] std::uint64_t task() const noexcept { return task_; }
  [[nodiscard]] std::uint64_t item() const noexcept { return item_; }
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

 private:
  pid_t pid_;
  std::chrono::milliseconds limit_;
  std::uint64_t task_;
  std::uint64_t item_;
  std::uint32_t attempts_;
};

/// The pool cannot go on: its initializer threw, its workers die before they can work, or one died under
/// OnDeath::break_pool. All tasks that it had, and every later one, get this. ErrorCode::peer_died.
class BrokenProcessPool : public Error {
 public:
  explicit BrokenProcessPool(const std::string& message,
                             std::source_location where = std::source_location::current());
};

/// The pool was terminated before the task was done. ErrorCode::interrupted.
class PoolTerminated : public Error {
 public:
  explicit PoolTerminated(std::source_location where = std::source_location::current());
};

/// A result could not be encoded by the worker; what() says why. Python's MaybeEncodingError.
/// ErrorCode::usage. Tasks whose result's own serialize() throws get that exception instead.
class ResultNotSent : public Error {
 public:
  explicit ResultNotSent(const std::string& message,
                         std::source_location where = std::source_location::current());
};

}  // namespace forebay
