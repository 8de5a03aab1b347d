#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/channel/channel.h"
#include "host/memory/unique_fd.h"

namespace forebay {

/// What a process took in all its life.
struct ResourceUse {
  double user_s = 0;
  double system_s = 0;
  std::uint64_t peak_rss_bytes = 0;
};

/// How a process ended. `known` is false where the application reaped it itself (wait(-1), SIGCHLD ignored).
struct ExitStatus {
  bool known = false;
  int exit_code = 0;  ///< valid if known and signal == 0
  int signal = 0;     ///< the signal that ended it, or 0
  bool core_dumped = false;
  ResourceUse used{};  ///< valid if known
};

/// "exit code 3", "killed by signal 9 (SIGKILL)", "exit status unknown".
[[nodiscard]] std::string describe(const ExitStatus& status);

/// What the child runs: a plain function that receives its end of the channel. Its return value is the exit
/// code.
using ChildMain = int (*)(Channel channel);

/// How a process comes into being; see start_method.h.
enum class StartMethod : std::uint8_t { spawn, forkserver, fork };

/// Environment variables of a child: a value, or nothing for one that is taken away.
using Environment = std::map<std::string, std::optional<std::string>>;

struct SpawnOptions {
  std::string title{};               ///< argv[0], shown by ps: "forebay: worker 3"
  std::string name{};                ///< comm, at most 15 bytes: "forebay-worker"
  std::vector<unsigned> affinity{};  ///< numbers of the CPUs that it may use; empty: as this process
  Environment environment{};         ///< changes to this process's environment
  bool clear_environment = false;    ///< `environment` is all that it gets
  std::string working_directory{};   ///< empty: this process's
  std::optional<std::uint64_t> memory_bytes{};     ///< of its address space (RLIMIT_AS): then std::bad_alloc
  std::optional<std::chrono::seconds> cpu_time{};  ///< SIGXCPU, and SIGKILL a second later
};

/// One spawned child: its pid, its pidfd and this side's end of its channel. Move-only. Destruction kills the
/// child (SIGKILL) and reaps it, within limits::child_reap. Not thread-safe.
///
/// The child is started by posix_spawn of /proc/self/exe (so a replaced file on disk does no harm) from an
/// immortal spawner thread (so PDEATHSIG means the death of the process, not of the thread that asked), as
/// its own process group, with stdin from /dev/null, stdout and stderr inherited, default signal
/// dispositions, an empty mask, and no descriptors but 0, 1, 2 and its channel. It ends by SIGKILL when this
/// process ends in whatever way. When its own exit is confirmed, whatever it started and left in its process
/// group is killed too.
class Child {
 public:
  Child() noexcept = default;
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  /// Starts a child that runs `main`. Blocks for the exec (about a millisecond), not for the child's hello.
  /// Thread-safe. Throws Error(spawn) where the process cannot be started, and Error(usage) where init() has
  /// not been called first in main().
  [[nodiscard]] static Child spawn(ChildMain main, const SpawnOptions& options);

  /// Takes a process over that this one has just started in whatever way. `pid` is not reaped yet.
  [[nodiscard]] static Child adopt(pid_t pid, UniqueFd pidfd, Channel channel) noexcept;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
  [[nodiscard]] Channel& channel() noexcept { return channel_; }
  [[nodiscard]] bool valid() const noexcept { return pid_ > 0; }

  /// Sends a signal through the pidfd: never to a recycled pid. Nothing happens if the child has ended.
  void signal(int number) const noexcept;
  /// SIGKILL to the child's whole process group, which takes what it started itself along. Nothing happens
  /// once the child has been reaped (its number may be somebody else's by then).
  void kill_group() const noexcept;

  /// Waits for the exit, at most until the deadline; reaps. Nothing if it still runs. Repeated calls give the
  /// same. Throws Error(environment) where the kernel refuses to tell.
  [[nodiscard]] std::optional<ExitStatus> wait_until(std::chrono::steady_clock::time_point deadline);

 private:
  void end() noexcept;

  pid_t pid_ = 0;
  pid_t parent_ = 0;  // who spawned it: a forked copy of that process must leave the child alone
  UniqueFd pidfd_;
  Channel channel_;
  std::optional<ExitStatus> status_;
};

}  // namespace forebay
