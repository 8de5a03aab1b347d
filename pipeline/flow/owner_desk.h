#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/backend.h"
#include "host/process/child.h"
#include "pipeline/flow/batch_lane.h"
#include "pipeline/flow/handover.h"
#include "pipeline/flow/owner_link.h"
#include "pipeline/flow/patient_clock.h"
#include "pipeline/flow/ready_chunks.h"
#include "pipeline/flow/stats_board.h"
#include "pipeline/flow/trouble.h"
#include "pipeline/flow/worker_pool.h"
#include "pipeline/flow/worker_watch.h"

namespace forebay {

/// The coordinator's side of the owner: batches are built on its lanes from READY chunks in item order,
/// results come back in result slots. What a failure means is decided in Trouble. Flow thread only.
///
/// Invariants:
///  1. A chunk's slot is IN_FLIGHT from AddChunk until its part is done with it, or until it has been read
///  and its worker needs it (see give_back_slots), until the part is reported
///     failed, or until the owner's exit is confirmed: then it is READY again, or FREE if its rows stay.
///  2. A result slot is free, or belongs to one lane, to held_, or to the caller. Rows of a part that the
///  owner did not report
///     complete, or finished before it was killed or crashed, are computed again, never read.
///  3. Chunks whose slots were released before their part was done are run again by workers: same bits. Not
///  those whose rows an owner had finished, and said so, before it was killed or crashed.
///  4. A batch with an item that was found guilty is delivered only after the device has completed a row
///  since: a device that
///     fails for good condemns nothing.
class OwnerDesk {
 public:
  OwnerDesk(const RunShape& shape, const PipelineOptions& options, std::vector<DeviceStage> stages,
            std::vector<std::shared_ptr<SealedMemory>> results, WorkerPool& pool, SlotTable& slots,
            Handover& handover, StatsBoard& stats, Poller& poller, const PatientClock& clock, BatchGrid grid);

  /// Takes the opened owner and hands it the memory.
  void start(std::unique_ptr<OwnerLink> link);
  /// A chunk became READY.
  void offer(Chunk chunk) { ready_.offer(std::move(chunk)); }
  void set_total(std::uint64_t items) { ready_.set_total(items); }
  /// Moves everything on that can move. `starved`: no slot is left to complete a batch; `stopping`: finish
  /// what is begun. Throws Error(device) where the device is hopeless.
  void pump(bool starved, bool stopping);
  /// Slots that were read are kept until their part is done, so that nothing has to be decoded again if the
  /// owner dies; this gives back those that a worker needs to go on, the oldest first.
  void give_back_slots();
  void release_result(std::uint32_t result) { free_results_.push_back(result); }
  [[nodiscard]] std::optional<Chunk> revoke_last(std::uint64_t item) { return ready_.revoke_last(item); }
  /// Chunks that workers must run again: their slots were given on before their part was done.
  [[nodiscard]] std::vector<Chunk> take_again() { return std::exchange(again_, {}); }
  /// Nothing is in flight.
  [[nodiscard]] bool idle() const noexcept;
  /// All batches of the plan are on their way or delivered.
  [[nodiscard]] bool exhausted() const { return held_.empty() && ready_.exhausted(); }
  /// One past the bad item that ended the run (OnError::fail): nothing from there on is needed.
  [[nodiscard]] std::optional<std::uint64_t> cut() const noexcept { return cut_; }

  // Events of the poller. They throw Error: no_memory where a single row does not fit the device, device
  // where it is hopeless, and what the owner says where it cannot become ready.
  void on_channel();
  /// The owner died: a new one takes over.
  void on_exit();
  void on_writable();
  void tick();
  /// Ends an owner that does not answer; `why` stands for its last words.
  void give_up_on_owner(const std::string& why);
  void stop(bool at_once) noexcept;

  static constexpr std::uint64_t channel_tag = std::uint64_t{3} << 32U;
  static constexpr std::uint64_t exit_tag = std::uint64_t{4} << 32U;

 private:
  // building
  void take_batches(bool starved);
  void advance(BatchLane& lane, bool starved, bool stopping);
  void begin_part(BatchLane& lane);
  void fill(BatchLane& lane);
  [[nodiscard]] bool in_turn(const BatchLane& lane) const;
  [[nodiscard]] bool is_over(const BatchLane& lane, bool stopping) const;
  [[nodiscard]] std::uint64_t end_of(const BatchLane& lane) const;
  void on_done(BatchLane& lane, const BatchDone& done);
  void finish(BatchLane& lane);
  /// What was held back until the device had completed a row: invariant 4.
  void deliver_proven();
  void settle_held(bool stopping);
  void watch_writes();
  void look();
  /// Kills it. If that does not end it, look() ends the run.
  void end_owner();
  void allow(std::chrono::milliseconds limit) {
    time_limit_ = limit;
    watch_.allow(limit);
  }
  // failing (owner_desk_failures.cpp)
  void on_failed(BatchLane& lane, const BatchFailed& failed);
  void on_out_of_memory(BatchLane& lane, const std::string& text);
  void on_death(const std::string& how, Evidence evidence);
  void on_setup_failure(const std::string& how, Evidence evidence);
  [[nodiscard]] std::string blame(BatchLane& lane, Evidence evidence, bool fresh, const std::string& words);
  void keep_finished();
  void lose(BatchLane& lane, const std::optional<BatchLane::Guilt>& guilty);
  void replace_owner(const std::string& why);
  void check_hope() const;

  const RunShape& shape_;
  const PipelineOptions& options_;
  const std::vector<DeviceStage> stages_;
  std::vector<std::shared_ptr<SealedMemory>> results_;
  WorkerPool& pool_;
  SlotTable& slots_;
  Handover& handover_;
  StatsBoard& stats_;
  Poller& poller_;
  ReadyChunks ready_;
  std::array<BatchLane, Backend::lanes_max> lanes_;
  std::vector<std::uint32_t> free_results_;
  std::vector<BatchResult> held_;  // invariant 4
  std::vector<Chunk> again_;       // until the flow takes them, in the same turn
  std::optional<std::uint64_t> cut_;

  std::unique_ptr<OwnerLink> link_;
  Received received_;
  bool owner_ready_ = false;
  bool watched_ = false;  ///< the channel is in the poller: it leaves when the owner closes it
  OwnerStats owner_stats_;
  const PatientClock& clock_;
  WorkerWatch watch_{limits::owner_start, limits::owner_start};
  std::chrono::milliseconds time_limit_ = limits::owner_start;  ///< that watch_ holds the owner to
  std::optional<std::chrono::steady_clock::time_point> ended_;  ///< when this owner was killed by this desk

  // what the owner of the moment said and did
  std::string words_;                ///< its last
  std::optional<ErrorCode> failed_;  ///< the code that came with them
  bool was_ready_ = false;
  std::uint32_t batches_failed_ = 0;
  std::string replaced_;  ///< why it was killed by this desk without being guilty of anything

  const std::uint32_t attempts_;
  Trouble trouble_;
  std::string last_failure_;
  std::uint32_t setup_failures_ = 0;  ///< in a row
};

}  // namespace forebay
