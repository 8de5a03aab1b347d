#pragma once

#include <utility>

#include "host/pool/crew_options.h"
#include "host/process/start_method.h"

namespace forebay::detail {

/// What PoolOptions and ExecutorOptions have in common. Moves from `options`. The two are structs of their
/// own, not of a common base, so that a caller can write {.retries = 2}.
template <typename Options>
[[nodiscard]] CrewOptions common_options(Options& options) {
  CrewOptions crew;
  crew.initializer = std::move(options.initializer);
  crew.tasks_per_worker_max = options.max_tasks_per_child;
  crew.idle_timeout = options.idle_timeout;
  crew.memory_growth_bytes_max = options.memory_growth_bytes_max;
  crew.on_death = options.on_death;
  crew.retries = options.retries;
  crew.task_timeout = options.task_timeout;
  crew.method = options.start_method.value_or(get_start_method());
  crew.child = std::move(options.child);
  return crew;
}

}  // namespace forebay::detail
