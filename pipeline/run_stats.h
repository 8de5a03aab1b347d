#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "device/tensor_view.h"
#include "pipeline/notices.h"
#include "pipeline/options.h"

namespace forebay {

/// Somebody of a run who waits, at the moment of the snapshot.
struct Wait {
  std::string who;
  std::string what;  ///< "the next entry of the source"
  double seconds = 0;
};

struct WorkerStats {
  pid_t pid = 0;  ///< of the current (last) process
  std::uint32_t restarts = 0;
  std::uint64_t peak_rss_bytes = 0;  ///< largest of all its processes
  double busy_s = 0;                 ///< time spent on items
};

struct OwnerStats {
  bool present = false;
  pid_t pid = 0;
  std::uint32_t restarts = 0;
  std::uint64_t peak_rss_bytes = 0;
  double busy_s = 0;
  std::string device_name;
};

/// A snapshot of a run: cheap to take, consistent in itself. Source of the progress line and of summary.json.
struct RunStats {
  std::uint64_t items_before =
      0;  ///< delivered by an earlier run; part of items_planned, items_done and rows
  std::uint64_t items_planned = 0;  ///< seen so far in the sources
  std::string source_note;          ///< what the source left out, once it is exhausted
  bool plan_complete = false;       ///< the sources are exhausted: items_planned is the total
  std::uint64_t items_done = 0;     ///< delivered, failed ones included
  std::uint64_t rows = 0;
  std::map<std::string, std::uint64_t> errors;  ///< code -> count
  std::uint64_t warnings = 0;
  double seconds = 0;               ///< since the pipeline was started
  double first_batch_s = 0;         ///< from start to the first delivered batch; 0 before
  std::uint64_t decoded_bytes = 0;  ///< pixel bytes written by decoders
  std::uint64_t payload_bytes_written =
      0;                             ///< bytes written by decoders and operators into slots and batches
  std::uint64_t payload_copies = 0;  ///< bytes merely copied by a CPU between decode and result
  std::uint64_t worker_fallbacks =
      0;  ///< items too large for a slot in owner placement: prepared in the worker
  std::map<std::string, double> stage_busy_s;  ///< open, decode, prepare, host_stage, finish, upload, ...
  Device device;
  Placement placement = Placement::worker;  ///< the one in force, never automatic
  std::vector<WorkerStats> workers;
  OwnerStats owner;
  std::uint64_t slot_bytes = 0;  ///< payload of one slot
  std::uint32_t slots_per_worker = 0;
  std::uint32_t slots_least = 0;  ///< of each worker that were in use when memory was shortest
  double memory_short_s = 0;      ///< for how long memory was short
  std::uint64_t arena_bytes = 0;  ///< all strips and result slots
  Notices notices;                ///< what happened beside the plan, the first limits::notices_kept of it
  std::uint64_t notices_total = 0;
  std::vector<Wait> waits;  ///< who waits for what right now; workers and owner: see notices
};

}  // namespace forebay
