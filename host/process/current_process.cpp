#include "host/process/current_process.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <utility>

#include "host/error.h"
#include "host/sync/interrupt.h"

namespace forebay {
namespace {

using Clock = std::chrono::steady_clock;

detail::Identity& mutable_identity() noexcept {
  static detail::Identity self;
  return self;
}

std::atomic<unsigned> children_made{0};

}  // namespace

CurrentProcess current_process() {
  const detail::Identity& self = detail::identity();
  return {self.name, self.daemon, ::getpid()};
}

std::optional<ParentProcess> parent_process() {
  static std::mutex opening;
  static std::shared_ptr<const UniqueFd> pidfd;  // under `opening`, as is:
  static pid_t asked_by = 0;                     // a copy by fork has another parent
  const detail::Identity& self = detail::identity();
  if (self.parent == 0) return std::nullopt;
  const std::scoped_lock lock(opening);
  if (std::exchange(asked_by, ::getpid()) != ::getpid()) pidfd.reset();
  if (!pidfd && ::getppid() == self.parent) {
    UniqueFd opened(static_cast<int>(::syscall(SYS_pidfd_open, self.parent, 0)));
    if (!opened.valid() && errno != ESRCH) {
      throw os_error(errno, "cannot watch the parent process", "raise the limit on open files (ulimit -n)");
    }
    // Still the parent's child: so its number was its own when the descriptor was made.
    if (opened.valid() && ::getppid() == self.parent)
      pidfd = std::make_shared<const UniqueFd>(std::move(opened));
  }
  return ParentProcess(self.parent_name, self.parent, pidfd);
}

bool ParentProcess::join(std::chrono::milliseconds timeout) const {
  return !pidfd_ || detail::wait_readable(pidfd_->get(), detail::deadline_after(timeout));
}

void ParentProcess::join() const {
  if (pidfd_) static_cast<void>(detail::wait_readable(pidfd_->get(), Clock::time_point::max()));
}

namespace detail {

const Identity& identity() noexcept { return mutable_identity(); }

void become(Identity identity) {
  identity.parent = mutable_identity().parent;
  mutable_identity() = std::move(identity);
  children_made = 0;
}

void remember_parent(pid_t parent) { mutable_identity().parent = parent; }

std::string next_number() {
  const std::string own = std::to_string(++children_made);
  const Identity& self = identity();
  return self.number.empty() ? own : self.number + ":" + own;
}

Clock::time_point deadline_after(std::chrono::milliseconds timeout) noexcept {
  const auto now = Clock::now();
  if (timeout.count() <= 0) return now;
  return timeout > std::chrono::duration_cast<std::chrono::milliseconds>(Clock::time_point::max() - now)
             ? Clock::time_point::max()
             : now + timeout;
}

bool wait_readable(int fd, Clock::time_point deadline) {
  std::array<pollfd, 2> entries{pollfd{fd, POLLIN, 0}, pollfd{interrupt_fd(), POLLIN, 0}};
  while (true) {
    throw_if_interrupted();
    timespec left{};
    if (deadline != Clock::time_point::max()) {
      const auto now = Clock::now();
      const auto ns = deadline <= now ? std::chrono::nanoseconds(0) : deadline - now;
      left = {static_cast<time_t>(ns.count() / 1'000'000'000), static_cast<long>(ns.count() % 1'000'000'000)};
    }
    const int ready = ::ppoll(entries.data(), entries.size(),
                              deadline == Clock::time_point::max() ? nullptr : &left, nullptr);
    if (ready < 0 && errno != EINTR) throw os_error(errno, "cannot wait for a process");
    if (ready > 0 && entries[0].revents != 0) return true;
    if (ready == 0) return false;
  }
}

}  // namespace detail
}  // namespace forebay
