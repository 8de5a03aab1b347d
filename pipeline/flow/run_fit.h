#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "host/memory/memory_budget.h"
#include "host/process/allowance.h"
#include "pipeline/flow/resource_need.h"
#include "pipeline/flow/run_shape.h"

namespace forebay {

/// What this machine lets a run have, at one moment.
struct Machine {
  MemoryBudget memory;
  Allowance descriptors;
  Allowance tasks;
  Allowance address_space;
  Allowance file_size;
  std::uint64_t descriptors_open = 0;  ///< by this process
  std::uint64_t own_tasks = 0;         ///< threads of this process
  unsigned cores = 1;

  /// Blocks for reads of /proc and /sys. `root` as in MemoryBudget::read.
  [[nodiscard]] static Machine read(const std::string& root = {});
};

/// What a run is made of beside its options.
struct RunParts {
  Device device;
  bool files = true;  ///< the source has files
  std::size_t host_stages = 0;
  std::size_t device_stages = 0;
};

/// The shape that a run takes on a machine, and whether it fits. The run itself and `forebay doctor run` ask
/// here, so that they never differ.
struct RunFit {
  RunShape shape;
  std::vector<ResourceNeed> needs;  ///< memory, descriptors, processes, address space, shared memory
  std::string note;                 ///< what was made smaller to fit; empty where nothing was
};

/// What a run of this shape takes of the machine. Arithmetic only.
[[nodiscard]] std::vector<ResourceNeed> needs_of(const RunShape& shape, const Machine& machine);

/// Workers and slots that are not given become fewer until everything fits: as few slots for all workers
/// first, then fewer workers. Where nothing fits, the shape is the one that was asked for and the needs say
/// what lacks. Throws Error(usage) as shape_of() does. Allocates nothing, starts nothing.
[[nodiscard]] RunFit fit_run(const PipelineOptions& options, const RunParts& parts, const Machine& machine);

/// Descriptors with which a run of this shape never has to wait for one; needs_of() asks for the least.
[[nodiscard]] std::uint64_t descriptors_wanted(const RunShape& shape, const Machine& machine);

}  // namespace forebay
