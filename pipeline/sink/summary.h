#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/options.h"
#include "pipeline/run_stats.h"

namespace forebay {

/// What summary.json says about a run.
struct RunSummary {
  RunStats stats;
  PipelineOptions options;
  std::vector<std::string> sources;
  std::string sink;  ///< "npy" or "none"
  bool interrupted = false;
  std::string failure;  ///< why the run ended before its sources did; empty if it did not
  std::vector<std::string> notes;
  double sink_busy_s = 0;                   ///< time spent writing results
  std::uint32_t sessions = 1;               ///< runs that made it: one more for each --resume
  std::optional<std::uint64_t> resumed_at;  ///< items that were done when the last one began
  pid_t coordinator_pid = 0;
  std::uint64_t coordinator_peak_rss_bytes = 0;
};

/// summary.json, indented, with a final newline. Keys: items, rows, errors {code: count}, warnings (these of
/// all sessions, what follows of the last), sessions, resumed_at (items; null in the first), seconds,
/// items_per_s, first_batch_s, decoded_bytes, payload_bytes_written, payload_copies, worker_fallbacks, stages
/// {name: {busy_s, utilisation}}, device, placement, workers [{pid, restarts, peak_rss_bytes, busy_s}], owner
/// (null or object), coordinator {pid, peak_rss_bytes}, memory, interrupted, failure (null or text), notes,
/// notices [{seconds, text}] (deaths, stalls, what was quarantined; the first of notices_total), versions,
/// options. A stage's utilisation is the share of the run's time that those who run it spent on it: 1 if all
/// were always busy with it.
[[nodiscard]] std::string summary_json(const RunSummary& summary);

}  // namespace forebay
