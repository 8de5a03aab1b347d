#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "host/memory/unique_fd.h"

namespace forebay {

/// What a process is to itself. A copy of what holds for the whole life of the process.
class CurrentProcess {
 public:
  CurrentProcess(std::string name, bool daemon, pid_t pid) noexcept
      : name_(std::move(name)), daemon_(daemon), pid_(pid) {}
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool daemon() const noexcept { return daemon_; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Nothing: it runs.
  [[nodiscard]] std::optional<int> exit_code() const noexcept { return std::nullopt; }

 private:
  std::string name_;
  bool daemon_;
  pid_t pid_;
};

/// This process: "MainProcess" where Forebay did not start it. Thread-safe.
[[nodiscard]] CurrentProcess current_process();

/// The process that started this one, seen from here: through a pidfd, so never a recycled number. As long as
/// this process keeps the tie to its parent's life it is gone before it could see the parent end.
class ParentProcess {
 public:
  ParentProcess(std::string name, pid_t pid, std::shared_ptr<const UniqueFd> pidfd) noexcept
      : name_(std::move(name)), pid_(pid), pidfd_(std::move(pidfd)) {}
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] bool is_alive() const { return !join(std::chrono::milliseconds(0)); }
  /// Waits for the parent's end. True: it has ended; false: the time was over first.
  [[nodiscard]] bool join(std::chrono::milliseconds timeout) const;
  /// As above, without limit.
  void join() const;
  /// Readable once the parent has ended; -1 where it had before this was asked for.
  [[nodiscard]] int sentinel() const noexcept { return pidfd_ ? pidfd_->get() : -1; }

 private:
  std::string name_;
  pid_t pid_;
  std::shared_ptr<const UniqueFd> pidfd_;
};

/// Nothing in a process that Forebay did not start. Thread-safe. Throws Error(environment) where there is no
/// descriptor left.
[[nodiscard]] std::optional<ParentProcess> parent_process();

namespace detail {

/// Who this process is: told to a child before it runs anything of the application.
struct Identity {
  std::string name = "MainProcess";
  std::string number{};  ///< "1:2": the second child of the root's first; empty in the root
  bool daemon = false;
  pid_t parent = 0;
  std::string parent_name{};
};

[[nodiscard]] const Identity& identity() noexcept;
/// Before other threads are there. The parent is kept.
void become(Identity identity);
void remember_parent(pid_t parent);
/// "2:1", "2:2" …: the number of the next process that this one makes.
[[nodiscard]] std::string next_number();

/// True once the descriptor's process has ended, false at the deadline (time_point::max(): none). Ends with
/// Interrupted like every blocking call.
[[nodiscard]] bool wait_readable(int fd, std::chrono::steady_clock::time_point deadline);
/// Now and `timeout`, without overflow.
[[nodiscard]] std::chrono::steady_clock::time_point deadline_after(
    std::chrono::milliseconds timeout) noexcept;

}  // namespace detail
}  // namespace forebay
