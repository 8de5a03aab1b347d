#include "host/channel/listening_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/current_process.h"

namespace forebay::detail {
namespace {

using Clock = std::chrono::steady_clock;

UniqueFd unix_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid())
    throw os_error(errno, "cannot create a socket", "raise the limit on open files (ulimit -n)");
  return fd;
}

Error in_use(const SocketAddress& address) {
  return Error(ErrorCode::environment, "cannot listen at '" + address.text() +
                                           "': a live listener is there; close that one, or use another "
                                           "address");
}

/// Held while a path is looked at and bound: two that begin at once cannot take each other's new file for a
/// stale one. A lock of the directory leaves no file of its own behind and ends with its process.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::filesystem::path& directory)
      : fd_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    const auto deadline = Clock::now() + limits::address_lock;
    while (fd_.valid() && !held_) {
      held_ = ::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0;
      if (held_ || (errno != EWOULDBLOCK && errno != EINTR) || Clock::now() >= deadline) return;
      static_cast<void>(wait_readable(-1, std::min(deadline, Clock::now() + limits::address_look)));
    }
  }
  /// False: not readable, no locks on this file system, or held by somebody for too long.
  [[nodiscard]] bool held() const noexcept { return held_; }

 private:
  UniqueFd fd_;
  bool held_ = false;
};

}  // namespace

ListeningSocket::ListeningSocket(SocketAddress address, int backlog, bool any_user)
    : address_(std::move(address)), fd_(unix_socket()), home_(::getpid()) {
  if (address_.is_path()) {
    listen_at_path(backlog, any_user);
  } else {
    if (!bind()) throw bind_error();
    listen(backlog);
  }
}

void ListeningSocket::listen_at_path(int backlog, bool any_user) {
  // Bound and not yet listening it refuses like a dead one, so the lock covers both.
  const auto parent = std::filesystem::path(address_.text()).parent_path();
  const DirectoryLock lock(parent.empty() ? "." : parent);
  ::fchmod(fd_.get(), 0600);  // the file gets this mode
  if (!bind()) {
    if (errno != EADDRINUSE) throw bind_error();
    require_stale();
    if (!lock.held()) {
      throw Error(ErrorCode::environment, "a dead listener left '" + address_.text() +
                                              "' behind, and its directory cannot be locked to replace it; "
                                              "remove the file");
    }
    if (::unlink(address_.text().c_str()) != 0 && errno != ENOENT) {
      throw os_error(errno, "cannot replace '" + address_.text() + "', which a dead listener left behind",
                     "remove the file, or use another address");
    }
    if (!bind()) throw bind_error();
  }
  remember_file();
  try {
    // Nobody can connect before listen(), and until then the file has the narrower mode.
    if (any_user && ::chmod(address_.text().c_str(), 0666) != 0)
      throw os_error(errno, "cannot open '" + address_.text() + "' to other users");
    listen(backlog);
  } catch (...) {
    stop();
    throw;
  }
}

void ListeningSocket::listen(int backlog) {
  if (::listen(fd_.get(), backlog) != 0) throw bind_error();
}

/// By errno.
Error ListeningSocket::bind_error() const {
  if (errno == EADDRINUSE) return in_use(address_);
  return os_error(errno, "cannot listen at '" + address_.text() + "'",
                  "choose a directory that exists and in which this user may create files");
}

bool ListeningSocket::bind() noexcept {
  return ::bind(fd_.get(), static_cast<const sockaddr*>(address_.raw()), address_.raw_bytes()) == 0;
}

void ListeningSocket::require_stale() const {
  struct stat status {};
  if (::lstat(address_.text().c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) {
    throw Error(ErrorCode::environment, "cannot listen at '" + address_.text() +
                                            "': what is there is no socket and stays; use another address");
  }
  const UniqueFd probe = unix_socket();
  // EAGAIN: its backlog is full. EPROTOTYPE: a listener of another program.
  if (::connect(probe.get(), static_cast<const sockaddr*>(address_.raw()), address_.raw_bytes()) == 0 ||
      errno == EAGAIN || errno == EPROTOTYPE || errno == EINTR)
    throw in_use(address_);
  if (errno != ECONNREFUSED && errno != ENOENT) {
    throw os_error(errno, "cannot listen at '" + address_.text() + "', where another socket is",
                   "use another address");
  }
}

void ListeningSocket::remember_file() {
  struct stat status {};
  std::error_code failed;
  auto path = std::filesystem::absolute(address_.text(), failed);
  if (failed) path = address_.text();
  if (::lstat(path.c_str(), &status) != 0)
    throw os_error(errno, "cannot listen at '" + address_.text() + "'");
  file_ = File{std::move(path), status.st_dev, status.st_ino};
}

void ListeningSocket::stop() noexcept {
  if (!fd_.valid() || ::getpid() != home_) return;
  // The inode is not given to another file as long as this socket is bound to it.
  struct stat status {};
  if (file_ && ::lstat(file_->path.c_str(), &status) == 0 && status.st_dev == file_->device &&
      status.st_ino == file_->inode)
    ::unlink(file_->path.c_str());
  ::shutdown(fd_.get(), SHUT_RDWR);  // also for copies of the descriptor in forked processes
}

void ListeningSocket::close() noexcept {
  stop();
  fd_.reset();
}

}  // namespace forebay::detail
