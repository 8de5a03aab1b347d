#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device/tensor_view.h"
#include "pipeline/flow/slot_layout.h"
#include "pipeline/options.h"

namespace forebay {

/// The numbers that follow from the options and the machine: decided once, before anything is allocated.
struct RunShape {
  std::uint32_t workers = 1;   ///< strips; at least 1
  bool inline_worker = false;  ///< options.workers == 0: the worker is a thread of this process
  std::uint32_t slots_per_worker = 4;
  std::uint64_t slot_bytes = 0;   ///< payload of one slot
  std::uint32_t chunk_items = 1;  ///< most items of one chunk
  Placement placement = Placement::worker;
  Device device;
  bool owner = false;  ///< an owner process is part of the run
  bool files = true;
  std::uint64_t row_bytes = 0;       ///< of a finished picture; 0 where host stages decide
  std::uint32_t finish_threads = 1;  ///< for the last operator in the caller (or in a cpu owner)
  std::uint32_t results = 0;         ///< result slots of the owner
  std::uint64_t buffer_bytes = 0;    ///< result slots or batch buffers
  std::uint64_t arena_bytes = 0;     ///< strips and buffers

  [[nodiscard]] StripLayout strip_layout() const noexcept { return {slots_per_worker, slot_bytes}; }
};

/// Checks the options on their own; throws Error(usage) with one clear line.
void check_options(const PipelineOptions& options);

/// Derives the shape for a device that is known to work. `files`: the source has files (false: a range).
/// Throws Error(usage) where the options contradict each other, such as a result that no slot of --slot-mb
/// can hold. `cores`: of the machine; 0: usable_cores(), which reads files.
[[nodiscard]] RunShape shape_of(const PipelineOptions& options, const Device& device, bool files,
                                std::size_t host_stages, std::size_t device_stages, unsigned cores = 0);

}  // namespace forebay
