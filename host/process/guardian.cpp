#include "host/process/guardian.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>

#include "host/channel/channel.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/process/block_table.h"
#include "host/process/current_process.h"
#include "host/process/guardian_main.h"
#include "host/process/guardian_socket.h"
#include "host/process/guardian_table.h"
#include "host/process/never_destroyed.h"
#include "host/process/start_child.h"

namespace forebay::detail {
namespace {

using Clock = std::chrono::steady_clock;

struct StopAtExit {
  Guardian& guardian;
  ~StopAtExit() { guardian.stop(); }
};

UniqueFd own_pidfd() noexcept { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0))); }

}  // namespace

Guardian& Guardian::instance() {
  static NeverDestroyed<Guardian> guardian;
  static const StopAtExit guard{guardian.value};
  return guard.guardian;
}

int Guardian::descriptor() noexcept {
  const int known = descriptor_;
  if (known >= 0) return known;
  if (const pid_t home = home_; home != 0 && home != ::getpid()) return -1;
  const std::scoped_lock lock(mutex_);
  if (descriptor_ >= 0 || failed_) return descriptor_;
  failed_ = true;  // once is enough: what was missing then hardly comes
  try {
    home_ = ::getpid();
    open_socket();
    const std::string leaf = make_leaf_cgroup();
    std::copy(leaf.begin(), leaf.end(), leaf_.begin());
    start_process();
    stop_.reset(::eventfd(0, EFD_CLOEXEC));
    if (!stop_.valid()) return -1;
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // a new thread inherits the mask
    own_.emplace();
    keeper_ = std::make_unique<std::thread>([this] { keep(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_setname_np(keeper_->native_handle(), "forebay-keeper");
    descriptor_ = write_end_.get();
  } catch (const std::exception&) {
    return -1;  // the third invariant
  }
  return descriptor_;
}

void Guardian::open_socket() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw os_error(errno, "cannot create the guardian's socket");
  }
  read_end_.reset(ends[0]);
  write_end_.reset(ends[1]);
  const int yes = 1;
  ::setsockopt(read_end_.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes));
  table_ = SealedMemory::create("forebay-guardian", limits::guarded_max * sizeof(Guarded));
  blocks_ = SealedMemory::create_sparse("forebay-guardian-blocks", BlockTable::bytes);
}

void Guardian::start_process() {
  GuardianSetup setup;
  setup.entries = limits::guarded_max;
  setup.leaf = leaf_;
  const UniqueFd root = own_pidfd();
  const std::array<int, 4> fds{read_end_.get(), table_.fd(), root.get(), blocks_.fd()};
  const Parcel parcel{std::as_bytes(std::span(&setup, 1)), fds};
  Child maker = spawn_child(&guardian_main, {"forebay: guardian", "forebay-guard"}, {&parcel, 1}, -1);
  const auto received = std::make_unique<Received>();
  const auto deadline = Clock::now() + limits::child_start;
  static_cast<void>(maker.channel().receive_until(*received, deadline));
  const std::optional<GuardianAnswer> answer = received->as<GuardianAnswer>();
  // The maker's group is killed with it: it was the guardian's too, until that said that it is there.
  const bool ended = wait_readable(maker.pidfd(), deadline);
  if (!answer || received->fds.size() != 1 || !ended) throw Error(ErrorCode::spawn, "no guardian");
  pidfd_ = std::move(received->fds.front());
  pid_ = answer->pid;
}

void Guardian::keep() noexcept {
  while (true) {
    std::array<pollfd, 2> entries{pollfd{stop_.get(), POLLIN, 0}, pollfd{pidfd_.get(), POLLIN, 0}};
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;
    if (entries[0].revents != 0) return;
    try {
      const std::shared_lock working(fork_gate());
      const std::scoped_lock lock(mutex_);
      start_process();
    } catch (const std::exception&) {
      return;  // then the children live without
    }
  }
}

void Guardian::stop() noexcept {
  if (home_ != ::getpid() || !keeper_) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = ::write(stop_.get(), &one, sizeof(one));
  keeper_->join();
  keeper_.reset();
  own_.reset();
}

void Guardian::forget(int fd) noexcept {
  std::construct_at(this);
  inherit(fd);
}

LeafPath Guardian::leaf() const noexcept { return home_ == ::getpid() ? leaf_ : LeafPath{}; }

pid_t Guardian::pid() {
  const std::scoped_lock lock(mutex_);
  return pid_;
}

void register_with_guardian(int socket) noexcept {
  const UniqueFd self = own_pidfd();
  const Registration message;
  const int fd = self.get();
  static_cast<void>(tell_guardian(socket, std::as_bytes(std::span(&message, 1)), {&fd, 1},
                                  Clock::now() + limits::child_stop));
}

}  // namespace forebay::detail
