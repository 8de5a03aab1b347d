#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include "host/pool/crew.h"
#include "host/pool/crew_error.h"
#include "host/pool/future.h"
#include "host/pool/future_sink.h"
#include "host/pool/map_options.h"
#include "host/pool/start_results.h"
#include "host/process/call.h"

namespace forebay {

struct ExecutorOptions {
  std::optional<std::uint32_t> max_workers{};  ///< default: default_pool_size()
  std::optional<Call> initializer{};      ///< runs first in every worker; make_call(function, arguments...)
  std::uint64_t max_tasks_per_child = 0;  ///< a worker is replaced after so many; 0: never
  std::chrono::nanoseconds idle_timeout{0};   ///< a worker that is idle for so long ends; 0: never
  std::uint64_t memory_growth_bytes_max = 0;  ///< a worker that has grown by so much is replaced; 0: never
  OnDeath on_death = OnDeath::fail;
  std::uint32_t retries = 3;  ///< with OnDeath::retry
  /// A worker whose item runs for longer is killed, with its process group, also where it is stopped. To the
  /// item that counts as its worker's death (OnDeath), told by TaskTimeout. Not for initializers. While this
  /// process, or the machine, is stopped the time stands still.
  std::optional<std::chrono::milliseconds> task_timeout{};
  std::optional<StartMethod> start_method{};  ///< default: get_start_method()
  SpawnOptions child{};                       ///< of every worker: affinity, environment, limits …
};

/// Python's concurrent.futures.ProcessPoolExecutor: runs functions in worker processes, which are started
/// when tasks need them, and gives Futures. Thread-safe, but for its destruction. Movable.
class ProcessPoolExecutor {
 public:
  explicit ProcessPoolExecutor(std::int64_t max_workers);
  /// Throws Error(usage) where the options make no sense. Starts no worker yet.
  explicit ProcessPoolExecutor(ExecutorOptions options = {});
  ProcessPoolExecutor(ProcessPoolExecutor&&) noexcept = default;
  ProcessPoolExecutor& operator=(ProcessPoolExecutor&&) = delete;
  ProcessPoolExecutor(const ProcessPoolExecutor&) = delete;
  ProcessPoolExecutor& operator=(const ProcessPoolExecutor&) = delete;
  /// As shutdown(): waits for all tasks. While an exception unwinds the stack (Ctrl+C, say) it ends the
  /// workers instead: then nobody waits for the results any more.
  ~ProcessPoolExecutor();

  /// Runs `function(arguments...)` in a worker. Does not block. What cannot be sent to another process is a
  /// compile-time error. Throws Error(usage) after shutdown(), and BrokenProcessPool after the pool broke.
  template <typename F, typename... A>
  Future<CallResult<F, A...>> submit(const F& function, A&&... arguments) {
    Call call = make_call(function, std::forward<A>(arguments)...);
    const std::uint64_t serial = crew_->next_serial();
    auto sink = std::make_shared<FutureSink<CallResult<F, A...>>>(crew_, serial);
    Future<CallResult<F, A...>> future = sink->future();
    crew_->submit(serial, call.function, std::move(call.arguments), 1, std::move(sink));
    return future;
  }

  /// Submits `function` for each element of the ranges (as many as the shortest has), at once, or as many
  /// ahead as options.buffer_size says; gives the results in order when iterated. See Results.
  template <typename F, std::ranges::input_range... R>
  auto map(MapOptions options, const F& function, R&&... ranges) {
    return detail::start_results<F, false>(crew_, detail::results_plan(options), function,
                                           std::forward<R>(ranges)...);
  }
  template <typename F, std::ranges::input_range... R>
  auto map(const F& function, R&&... ranges) {
    return map(MapOptions{}, function, std::forward<R>(ranges)...);
  }

  /// No more tasks. With `wait` blocks until all are done and the workers have ended; without, they go on
  /// until then. With `cancel_futures` what no worker has begun is cancelled. Throws Interrupted.
  void shutdown(bool wait = true, bool cancel_futures = false);
  /// SIGTERM (and SIGKILL after limits::child_stop), or SIGKILL at once, to the workers; what is not done
  /// fails with PoolTerminated. Waits for their end.
  void terminate_workers();
  void kill_workers();

  [[nodiscard]] std::vector<pid_t> worker_pids() const { return crew_->worker_pids(); }
  [[nodiscard]] std::uint32_t max_workers() const noexcept { return crew_->size(); }

 private:
  std::shared_ptr<Crew> crew_;
  int unwinding_ = 0;  // exceptions in flight at construction
};

/// The guide's rule: the cores that this process may use (affinity, cgroup quota) but one, which is left to
/// the caller and the system. At least 1.
[[nodiscard]] std::uint32_t default_pool_size();

/// A number of workers as it was asked for. Throws Error(usage) where it is not 1 to limits::workers_max.
[[nodiscard]] std::uint32_t worker_count(std::int64_t asked);

}  // namespace forebay
