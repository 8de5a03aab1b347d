#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "host/process/call.h"
#include "host/process/child.h"

namespace forebay {

/// What becomes of the task that a worker died of.
enum class OnDeath : std::uint8_t {
  fail,   ///< it fails with WorkerDied
  retry,  ///< it runs again, so it may run in part more than once; after `retries` it fails with WorkerDied
  break_pool,  ///< all tasks fail with BrokenProcessPool and the pool takes no more, as Python's executor
               ///< does
};

/// What a crew is made of. See PoolOptions and ExecutorOptions for what the fields mean.
struct CrewOptions {
  std::uint32_t workers = 1;
  bool start_ahead = true;  ///< all workers at once, and dead ones are replaced; else when tasks need them
  std::optional<Call> initializer{};
  std::uint64_t tasks_per_worker_max = 0;     ///< 0: no limit
  std::chrono::nanoseconds idle_timeout{0};   ///< 0: workers stay
  std::uint64_t memory_growth_bytes_max = 0;  ///< 0: no limit
  OnDeath on_death = OnDeath::fail;
  std::uint32_t retries = 0;
  std::optional<std::chrono::milliseconds> task_timeout{};
  StartMethod method = StartMethod::spawn;
  SpawnOptions child{};  ///< title and name are the crew's
  std::string name = "pool";
};

}  // namespace forebay
