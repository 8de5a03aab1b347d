#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "host/channel/channel.h"
#include "host/error.h"
#include "host/process/child.h"
#include "pipeline/flow/blame.h"
#include "pipeline/flow/chunk.h"
#include "pipeline/flow/messages.h"
#include "pipeline/flow/patient_clock.h"
#include "pipeline/flow/run_shape.h"
#include "pipeline/flow/strip.h"
#include "pipeline/flow/worker_watch.h"
#include "pipeline/run_stats.h"

namespace forebay {

/// What every worker of a run is told.
struct WorkerBrief {
  PrepareOptions prepare;
  DecodeOptions decode;
  std::vector<FunctionId> host_stages;
  std::uint32_t attempts = limits::item_attempts;
  ItemLimits item{limits::worker_silence, 0};
};

/// One worker as the coordinator sees it: its strip, which outlives any process that fills it, the process
/// (or, for debugging, the thread) of the moment, and the chunks it owes, in the order sent. Flow thread
/// only.
class WorkerLink {
 public:
  WorkerLink(std::uint32_t number, const RunShape& shape, const WorkerBrief& brief,
             const PatientClock& clock);
  WorkerLink(WorkerLink&&) = default;
  WorkerLink& operator=(WorkerLink&&) = default;
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;
  ~WorkerLink();

  /// Starts a process for the strip and sends it its set-up. Jobs may follow at once. Throws Error(spawn |
  /// …).
  void start(const RunShape& shape, const WorkerBrief& brief);
  /// Sends the chunk as a job with its files opened; the chunk is owed from now on. What cannot be opened
  /// fails there and then; where descriptors or memory are short, the job ends before, or waits (has_unsent).
  /// A channel that does not take it means a dying worker: the exit will bring the chunk back.
  void send(Chunk chunk, bool files);
  /// Tries again what waits. Throws the Error that named the shortage after limits::open_wait without
  /// success.
  void send_waiting(bool files);
  [[nodiscard]] bool has_unsent() const noexcept { return sent_ < owed_.size(); }
  /// Sends everything owed again: to the replacement of a dead worker.
  void send_again(bool files);

  /// Takes the owed chunk of this generation out; nothing for a stale report.
  [[nodiscard]] std::optional<Chunk> settle(std::uint64_t generation);

  [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
  [[nodiscard]] const Strip& strip() const noexcept { return strip_; }
  [[nodiscard]] std::deque<Chunk>& owed() noexcept { return owed_; }
  [[nodiscard]] const std::deque<Chunk>& owed() const noexcept { return owed_; }
  [[nodiscard]] Channel& channel() noexcept { return thread_.joinable() ? channel_ : child_.channel(); }
  [[nodiscard]] Child& child() noexcept { return child_; }
  [[nodiscard]] bool has_process() const noexcept { return child_.valid(); }
  [[nodiscard]] WorkerStats& stats() noexcept { return stats_; }
  [[nodiscard]] const WorkerStats& stats() const noexcept { return stats_; }

  /// It said something.
  void heard();
  /// What is to be done about it; `stopped`: its process is, just now.
  [[nodiscard]] WorkerWatch::Finding look(bool stopped);
  [[nodiscard]] const WorkerWatch& watch() const noexcept { return watch_; }
  /// Its process reported so many more items.
  void finished(std::uint64_t items) noexcept { finished_ += items; }
  [[nodiscard]] bool fresh() const noexcept { return finished_ == 0; }

  /// Kills its process group, for this reason.
  void end(Verdict verdict);
  /// Why it was ended; none where it was not.
  [[nodiscard]] Verdict verdict() const noexcept { return verdict_; }
  /// It was ended so long ago that not even SIGKILL does it.
  [[nodiscard]] bool unkillable() const;
  /// Nothing is sent any more; what it owes is the caller's.
  [[nodiscard]] std::deque<Chunk> retire();
  [[nodiscard]] bool retired() const noexcept { return retired_; }

 private:
  /// False, with the reason in shortage_, where nothing of the chunk could be sent.
  [[nodiscard]] bool send_job(Chunk& chunk, bool files);

  std::uint32_t number_;
  const PatientClock* clock_;
  Strip strip_;
  Child child_;
  Channel channel_;      // of an inline worker
  std::jthread thread_;  // of an inline worker
  std::deque<Chunk> owed_;
  std::size_t sent_ = 0;  // of owed_: those behind wait for descriptors
  std::optional<Error> shortage_;
  std::chrono::steady_clock::time_point short_since_;
  WorkerStats stats_;
  WorkerWatch watch_;
  std::uint64_t finished_ = 0;  // items, of this process
  Verdict verdict_ = Verdict::none;
  std::chrono::steady_clock::time_point ended_;  // with verdict_
  bool retired_ = false;
};

}  // namespace forebay
