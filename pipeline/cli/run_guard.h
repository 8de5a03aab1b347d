#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "pipeline/cli/console.h"
#include "pipeline/cli/signals.h"
#include "pipeline/pipeline.h"

namespace forebay::cli {

/// Ctrl+C for a run: the first stops it in order; the second, or the first before there is a pipeline, ends
/// the process and all its children at once, with exit code 130.
class RunGuard {
 public:
  explicit RunGuard(Console& console);

  /// Names the pipeline that the first signal stops; null when it is about to be destroyed. A signal that
  /// came before is acted on now. Thread-safe.
  void watch(Pipeline* pipeline);

  [[nodiscard]] bool signalled() const;
  /// limits::stop_write has passed since the first signal: what is not written yet stays unwritten.
  /// Thread-safe.
  [[nodiscard]] bool overdue() const noexcept;

 private:
  void on_signal(int count);

  Console& console_;
  mutable std::mutex mutex_;
  Pipeline* pipeline_ = nullptr;
  bool signalled_ = false;
  std::atomic<std::int64_t> stop_at_ns_{
      INT64_MAX};           // of the steady clock; alone: nothing is published with it
  bool finishing_ = false;  // the pipeline has come and gone: only files are left to complete
  SignalWatch watch_;       // last: its thread uses all of the above
};

}  // namespace forebay::cli
