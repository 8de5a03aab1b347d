#include "host/process/child.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/start_child.h"

namespace forebay {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned to_process_group = 1U << 2U;  // PIDFD_SIGNAL_PROCESS_GROUP of Linux 6.9

int send_signal(int pidfd, int number, unsigned flags = 0) noexcept {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, flags));
}

timespec left_until(Clock::time_point deadline) noexcept {
  const auto now = Clock::now();
  const std::int64_t left_ns =
      deadline <= now ? 0 : std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - now).count();
  return {static_cast<time_t>(left_ns / 1'000'000'000), static_cast<long>(left_ns % 1'000'000'000)};
}

/// True once the process has ended; false when the deadline passed first.
bool wait_for_end(int pidfd, Clock::time_point deadline) {
  while (true) {
    const timespec timeout = left_until(deadline);
    pollfd entry{pidfd, POLLIN, 0};
    const int ready = ::ppoll(&entry, 1, &timeout, nullptr);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) throw os_error(errno, "cannot wait for a child process");
  }
}

double seconds_of(const timeval& time) noexcept {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

/// The status of a process that has ended; nothing while a debugger has not let go of it yet.
std::optional<ExitStatus> reap(int pidfd) {
  siginfo_t info{};
  rusage used{};  // which glibc's waitid() does not pass on
  while (::syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG, &used) != 0) {
    if (errno == ECHILD) return ExitStatus{};  // the application reaped it (wait(-1), SIGCHLD ignored)
    if (errno != EINTR) throw os_error(errno, "cannot ask for a child's exit status");
  }
  if (info.si_pid == 0) return std::nullopt;
  ExitStatus status;
  status.known = true;
  if (info.si_code == CLD_EXITED) {
    status.exit_code = info.si_status;
  } else {
    status.signal = info.si_status;
    status.core_dumped = info.si_code == CLD_DUMPED;
  }
  status.used = {seconds_of(used.ru_utime), seconds_of(used.ru_stime),
                 static_cast<std::uint64_t>(used.ru_maxrss) << 10U};
  return status;
}

}  // namespace

std::string describe(const ExitStatus& status) {
  if (!status.known) return "exit status unknown";
  if (status.signal == 0) return fmt::format("exit code {}", status.exit_code);
  const char* name = ::sigabbrev_np(status.signal);
  const std::string signal =
      name != nullptr ? fmt::format("{} (SIG{})", status.signal, name) : fmt::format("{}", status.signal);
  return fmt::format("killed by signal {}{}", signal, status.core_dumped ? ", core dumped" : "");
}

Child Child::spawn(ChildMain main, const SpawnOptions& options) {
  return detail::spawn_child(main, options, {}, -1);
}

Child Child::adopt(pid_t pid, UniqueFd pidfd, Channel channel) noexcept {
  Child child;
  child.pid_ = pid;
  child.parent_ = ::getpid();
  child.pidfd_ = std::move(pidfd);
  child.channel_ = std::move(channel);
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      parent_(std::exchange(other.parent_, 0)),
      pidfd_(std::move(other.pidfd_)),
      channel_(std::move(other.channel_)),
      status_(std::exchange(other.status_, std::nullopt)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  end();
  pid_ = std::exchange(other.pid_, 0);
  parent_ = std::exchange(other.parent_, 0);
  pidfd_ = std::move(other.pidfd_);
  channel_ = std::move(other.channel_);
  status_ = std::exchange(other.status_, std::nullopt);
  return *this;
}

Child::~Child() { end(); }

void Child::end() noexcept {
  if (!valid() || status_ || parent_ != ::getpid()) return;
  kill_group();
  try {
    if (wait_until(Clock::now() + limits::child_reap)) return;
    static_cast<void>(std::fprintf(stderr,
                                   "forebay: process %d does not end, not even by SIGKILL; left behind\n",
                                   static_cast<int>(pid_)));
  } catch (const Error& error) {
    static_cast<void>(
        std::fprintf(stderr, "forebay: process %d: %s\n", static_cast<int>(pid_), error.what()));
  }
}

void Child::signal(int number) const noexcept {
  if (valid() && !status_) static_cast<void>(send_signal(pidfd_.get(), number));
}

void Child::kill_group() const noexcept {
  if (!valid() || status_) return;
  if (send_signal(pidfd_.get(), SIGKILL) != 0 && errno == ESRCH) return;  // somebody else has reaped it
  // Through the descriptor no other group is met, even if somebody reaps the child right now.
  if (send_signal(pidfd_.get(), SIGKILL, to_process_group) == 0 || errno != EINVAL) return;
  // An older kernel: until it is reaped, the child's number and so its group's is taken.
  ::kill(-pid_, SIGKILL);
}

std::optional<ExitStatus> Child::wait_until(Clock::time_point deadline) {
  if (status_ || !valid()) return status_;
  while (wait_for_end(pidfd_.get(), deadline)) {
    kill_group();  // what the child left behind, while the unreaped child still keeps the group's number
                   // taken
    status_ = reap(pidfd_.get());
    if (status_) return status_;
    if (Clock::now() >= deadline) break;
    const timespec pause{0, std::chrono::nanoseconds(limits::held_back_poll).count()};
    static_cast<void>(::ppoll(nullptr, 0, &pause, nullptr));
  }
  return std::nullopt;
}

}  // namespace forebay
