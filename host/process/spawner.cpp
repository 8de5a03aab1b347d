#include "host/process/spawner.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <shared_mutex>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "host/error.h"
#include "host/process/crash_point.h"
#include "host/process/never_destroyed.h"
#include "host/process/spawn_note.h"
#include "host/process/start_child.h"

namespace forebay {
namespace {

struct StopAtExit {
  Spawner& spawner;
  ~StopAtExit() { spawner.stop(); }
};

class FileActions {
 public:
  FileActions() { check(::posix_spawn_file_actions_init(&actions_)); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void open_null(int fd, int flags) {
    check(::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", flags, 0));
  }
  void duplicate(int from, int to) { check(::posix_spawn_file_actions_adddup2(&actions_, from, to)); }
  void close_from(int fd) { check(::posix_spawn_file_actions_addclosefrom_np(&actions_, fd)); }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

 private:
  static void check(int error_number) {
    if (error_number != 0) throw std::system_error(error_number, std::generic_category());
  }
  posix_spawn_file_actions_t actions_{};
};

/// Default dispositions, an empty mask and a process group of its own.
class Attributes {
 public:
  Attributes() {
    if (const int failed = ::posix_spawnattr_init(&attributes_); failed != 0) {
      throw std::system_error(failed, std::generic_category());
    }
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  [[nodiscard]] const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

void describe_files(FileActions& actions, const SpawnOrder& order) {
  actions.open_null(STDIN_FILENO, O_RDONLY);
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    // Closed in this process: then the child's first file would become its standard output.
    if (::fcntl(fd, F_GETFD) < 0) {
      actions.open_null(fd, O_WRONLY);
    } else {
      actions.duplicate(fd, fd);  // onto itself: takes a close-on-exec flag off
    }
  }
  if (order.guardian < 0) {
    actions.duplicate(order.channel, spawn_channel_fd);
    actions.close_from(spawn_channel_fd + 1);
    return;
  }
  // In this order neither overwrites the other: the channel is kept above both first.
  const int kept = order.guardian == guardian_fd + 1 ? guardian_fd + 2 : guardian_fd + 1;
  actions.duplicate(order.channel, kept);
  actions.duplicate(order.guardian, guardian_fd);
  actions.duplicate(kept, spawn_channel_fd);
  actions.close_from(guardian_fd + 1);
}

/// The pointers that exec takes: the environment, and the one variable more.
std::vector<char*> environment_of(const SpawnOrder& order) {
  const std::string& variable = order.spawn_variable;
  const std::string_view name = std::string_view(variable).substr(0, variable.find('=') + 1);
  std::vector<char*> pointers;
  if (order.environment) {
    for (const std::string& entry : *order.environment) pointers.push_back(const_cast<char*>(entry.c_str()));
  } else {
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
      if (!std::string_view(*entry).starts_with(name)) pointers.push_back(*entry);
    }
  }
  pointers.push_back(const_cast<char*>(variable.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Spawner& Spawner::instance() {
  static detail::NeverDestroyed<Spawner> spawner;
  static const StopAtExit guard{spawner.value};
  return guard.spawner;
}

Spawned Spawner::spawn(const SpawnOrder& order) {
  const pid_t home = home_.load();
  if (home != 0 && home != ::getpid()) {
    throw Error(
        ErrorCode::usage,
        "a process forked from one that uses Forebay cannot spawn; exec first, or spawn from the original");
  }
  const std::scoped_lock turn(turn_);
  start_thread();
  std::unique_lock lock(mutex_);
  order_ = &order;
  answer_.reset();
  changed_.notify_all();
  changed_.wait(lock, [this] { return answer_.has_value(); });
  Answer answer = std::move(*answer_);
  answer_.reset();
  if (answer.failed == nullptr) return std::move(answer.spawned);
  const Error cause = os_error(answer.error_number, answer.failed, detail::start_remedy(answer.error_number));
  throw Error(ErrorCode::spawn, cause.what());
}

void Spawner::start_thread() {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) throw Error(ErrorCode::spawn, "cannot start a child: this process is ending");
  }
  if (thread_.joinable()) return;
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // a new thread inherits the mask
  home_ = ::getpid();
  try {
    own_.emplace();
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    home_ = 0;
    own_.reset();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw Error(ErrorCode::spawn, std::string("cannot start the thread that spawns: ") + error.what() + "; " +
                                      detail::start_remedy(EAGAIN));
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_setname_np(thread_.native_handle(), "forebay-spawner");
}

void Spawner::stop() noexcept {
  const pid_t home = home_.load();
  if (home != 0 && home != ::getpid()) return;
  const std::scoped_lock turn(turn_);
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  own_.reset();
}

// What was there is not destroyed: its thread and its waiters are in the original.
void Spawner::forget() noexcept { std::construct_at(this); }

void Spawner::run() noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || order_ != nullptr; });
    if (order_ == nullptr) return;
    const SpawnOrder& order = *std::exchange(order_, nullptr);
    lock.unlock();
    Answer answer = [&order] {
      const std::shared_lock working(detail::fork_gate());
      return start_process(order);
    }();
    lock.lock();
    answer_ = std::move(answer);
    changed_.notify_all();
  }
}

Spawner::Answer Spawner::start_process(const SpawnOrder& order) noexcept {
  Answer answer;
  const auto fail = [&answer](int error_number, const char* what) {
    answer.error_number = error_number;
    answer.failed = what;
  };
  try {
    FileActions files;
    describe_files(files, order);
    const Attributes attributes;
    std::vector<char*> environment = environment_of(order);
    std::string title = order.title;
    char* argv[] = {title.data(), nullptr};
    const int failed = ::posix_spawn(&answer.spawned.pid, "/proc/self/exe", files.get(), attributes.get(),
                                     argv, environment.data());
    if (failed != 0) fail(failed, "cannot start a child process");
  } catch (const std::system_error& error) {
    fail(error.code().value(), "cannot prepare a child process");
  } catch (const std::bad_alloc&) {
    fail(ENOMEM, "cannot prepare a child process");
  }
  if (answer.failed != nullptr) return answer;
  crash_point("start.process.forked");
  // The pid is ours until somebody reaps the child, so this names the right process.
  answer.spawned.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, answer.spawned.pid, 0)));
  if (!answer.spawned.pidfd.valid()) {
    fail(errno, "cannot watch a child process (pidfd_open)");
    if (answer.error_number != ESRCH) {
      ::kill(answer.spawned.pid, SIGKILL);
      while (::waitpid(answer.spawned.pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
    return answer;
  }
  crash_point("start.process.watched");
  return answer;
}

}  // namespace forebay
