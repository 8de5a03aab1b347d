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
#include "pipeline/flow/chunk.h"
#include "pipeline/flow/messages.h"
#include "pipeline/flow/run_shape.h"
#include "pipeline/flow/strip.h"
#include "pipeline/run_stats.h"

namespace forebay {

/// What every worker of a run is told.
struct WorkerBrief {
  PrepareOptions prepare;
  DecodeOptions decode;
  std::vector<FunctionId> host_stages;
};

/// One worker as the coordinator sees it: its strip, which outlives any process that fills it, the process
/// (or, for debugging, the thread) of the moment, and the chunks it owes, in the order sent. Flow thread
/// only.
class WorkerLink {
 public:
  WorkerLink(std::uint32_t number, const RunShape& shape);
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

  /// For the watch over silence: the last time that the worker said or finished something.
  void heard() noexcept;
  /// An item that was finished or begun since the last look counts as well: a chunk may take long, an item
  /// not.
  void observe_progress() noexcept;
  [[nodiscard]] bool is_silent(std::chrono::steady_clock::time_point now) const noexcept;
  void mark_ready() noexcept { ready_ = true; }

 private:
  /// False, with the reason in shortage_, where nothing of the chunk could be sent.
  [[nodiscard]] bool send_job(Chunk& chunk, bool files);

  std::uint32_t number_;
  Strip strip_;
  Child child_;
  Channel channel_;      // of an inline worker
  std::jthread thread_;  // of an inline worker
  std::deque<Chunk> owed_;
  std::size_t sent_ = 0;  // of owed_: those behind wait for descriptors
  std::optional<Error> shortage_;
  std::chrono::steady_clock::time_point short_since_;
  WorkerStats stats_;
  std::chrono::steady_clock::time_point heard_;
  std::uint64_t progress_seen_ = 0;
  bool ready_ = false;
};

}  // namespace forebay
