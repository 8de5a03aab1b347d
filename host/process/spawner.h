#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "host/memory/unique_fd.h"
#include "host/process/own_threads.h"

namespace forebay {

/// What to start: this program again, as a child.
struct SpawnOrder {
  std::string title;                                      ///< argv[0]
  int channel = -1;                                       ///< becomes descriptor spawn_channel_fd
  int guardian = -1;                                      ///< becomes descriptor guardian_fd where it is one
  std::string spawn_variable;                             ///< "FOREBAY_SPAWNED=…", added to the environment
  std::optional<std::vector<std::string>> environment{};  ///< "name=value"; nothing: this process's
};

/// What was started.
struct Spawned {
  pid_t pid = 0;
  UniqueFd pidfd;
};

/// The thread that starts every child of this process. Linux sends PDEATHSIG when the *thread* that spawned
/// ends, so children are spawned from one that ends only with the process.
///
/// Thread-safe. Invariants:
///  1. One order at a time: a caller holds `turn_` from before it places its order until it has taken the
///  answer.
///  2. `order_`, `answer_` and `stopping_` are touched under `mutex_` only. The thread waits in `changed_`
///  for an order
///     or the stop; a caller waits there for its answer. Nothing else blocks under `mutex_`; posix_spawn runs
///     outside.
///  3. A caller's wait ends: the thread always answers (start_process does not throw), a posix_spawn takes as
///  long as
///     an exec, and stop() takes `turn_` first, so that it never meets an order without an answer.
///  4. Lock order: `turn_`, then `mutex_`. Neither is taken in a forked copy of the process, where the thread
///  does
///     not exist and a lock may be held by nobody: `home_` is compared first.
///  5. The object is never destroyed (a late static destructor may still ask, and gets an error; in a forked
///  copy the
///     destructor of `changed_` would wait for the vanished thread). A guard with static lifetime calls
///     stop().
///  6. All signals are blocked in the thread, so the application's handlers never run on it.
class Spawner {
 public:
  /// The process's one spawner. The first call (in init()) starts no thread, but sets the point in the order
  /// of static destruction at which stop() runs: what is constructed later is destroyed earlier.
  [[nodiscard]] static Spawner& instance();

  Spawner() = default;
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  /// Starts a child. Blocks until its exec. Throws Error(spawn), and Error(usage) in a forked copy of this
  /// process.
  [[nodiscard]] Spawned spawn(const SpawnOrder& order);

  /// Ends and joins the thread, and with it, by PDEATHSIG, every child that is left. Nothing in a forked
  /// copy.
  void stop() noexcept;

  /// In a copy that the start method fork made: begins anew. The thread lived in the original.
  void forget() noexcept;

 private:
  struct Answer {
    Spawned spawned;
    int error_number = 0;
    const char* failed = nullptr;  // what failed; nullptr: nothing
  };

  static Answer start_process(const SpawnOrder& order) noexcept;
  void start_thread();
  void run() noexcept;

  std::mutex turn_;
  std::optional<detail::OwnThread> own_;  // for as long as thread_
  std::thread thread_;                    // under turn_
  std::atomic<pid_t> home_{0};            // the process that thread_ lives in; 0 until it is started

  std::mutex mutex_;
  std::condition_variable changed_;
  const SpawnOrder* order_ = nullptr;
  std::optional<Answer> answer_;
  bool stopping_ = false;
};

}  // namespace forebay
