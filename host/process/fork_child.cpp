#include "host/process/fork_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/bootstrap.h"
#include "host/process/forkserver.h"
#include "host/process/guardian.h"
#include "host/process/own_threads.h"
#include "host/process/process_registry.h"
#include "host/process/sibling_clone.h"
#include "host/process/spawner.h"
#include "host/process/system_file.h"
#include "host/process/thread_count.h"

namespace forebay::detail {
namespace {

/// A driver's state in a copy is broken, and says so late, if at all.
void refuse_driver() {
  const std::string maps = read_system_file("/proc/self/maps").value_or("");
  for (const std::string_view library : {"libcuda.so", "libcudart.so"}) {
    if (maps.find(library) == std::string::npos) continue;
    throw Error(ErrorCode::usage,
                fmt::format("cannot fork: this process has {} mapped, and no copy of it can use the driver; "
                            "use the start method spawn or forkserver",
                            library));
  }
}

void refuse_threads() {
  const unsigned own = own_threads();
  const unsigned all = thread_count().value_or(1);
  if (all <= own + 1) return;
  throw Error(
      ErrorCode::usage,
      fmt::format("cannot fork: this process has {} more threads, which a copy would not have, nor what "
                  "they hold locked; end them first, or use the start method spawn or forkserver",
                  all - own - 1));
}

void set_environment(const SpawnOptions& options) {
  if (options.clear_environment) ::clearenv();
  for (const auto& [name, value] : options.environment) {
    if (value) {
      ::setenv(name.c_str(), value->c_str(), 1);
    } else {
      ::unsetenv(name.c_str());
    }
  }
}

/// The process's end, by whatever exit(): the handlers that were there before the fork are the parent's.
void leave(int code, void* /*unused*/) {
  ProcessRegistry::instance().finish();
  Forkserver::instance().stop();
  ::signal(SIGPIPE, SIG_IGN);
  static_cast<void>(std::fflush(nullptr));
  ::_exit(code);
}

[[noreturn]] void live(Prepared prepared, const SpawnOptions& options, int guardian) {
  forget_own_threads();
  Spawner::instance().forget();
  Guardian::instance().forget(guardian);
  Forkserver::instance().forget();
  ProcessRegistry::instance().forget();
  ::setpgid(0, 0);
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ::dup2(null.get(), STDIN_FILENO);
  set_environment(options);
  prepared.mine.close();
  static_cast<void>(::on_exit(&leave, nullptr));
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  run_as_fork(prepared.parent, prepared.nonce, std::move(prepared.theirs), prepared.title.c_str(), guardian);
}

/// Every signal is blocked: no handler of the application runs in a half-made copy.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

Child fork_child(ChildMain main, const SpawnOptions& options, std::span<const Parcel> parcels, int guardian) {
  refuse_driver();
  if (changes_environment(options))
    static_cast<void>(environment_for(options));  // throws what it would there
  Prepared prepared = prepare_child(main, options, parcels, guardian >= 0);
  std::unique_lock gate(fork_gate(), limits::fork_gate_wait);
  if (!gate.owns_lock()) {
    throw Error(ErrorCode::spawn,
                fmt::format("cannot fork: Forebay's own threads are busy for {} ms already; "
                            "do not start other processes meanwhile",
                            limits::fork_gate_wait.count()));
  }
  refuse_threads();
  static_cast<void>(std::fflush(nullptr));  // or both would print what is still in the buffers
  const BlockedSignals blocked;
  const pid_t pid = ::fork();
  if (pid == 0) live(std::move(prepared), options, guardian);
  if (pid < 0) {
    const Error cause = os_error(errno, "cannot start a child process", start_remedy(errno));
    throw Error(ErrorCode::spawn, cause.what());
  }
  ::setpgid(pid, pid);  // both do it: whoever comes first
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    const Error cause = os_error(errno, "cannot watch a child process (pidfd_open)", start_remedy(errno));
    if (errno != ESRCH) ::kill(pid, SIGKILL);
    throw Error(ErrorCode::spawn, cause.what());
  }
  return Child::adopt(pid, std::move(pidfd), std::move(prepared.mine));
}

}  // namespace forebay::detail
