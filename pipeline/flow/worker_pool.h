#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/channel/poller.h"
#include "pipeline/flow/descriptor_check.h"
#include "pipeline/flow/slot_table.h"
#include "pipeline/flow/stats_board.h"
#include "pipeline/flow/worker_link.h"

namespace forebay {

/// What the pool tells the flow. Called from within the pool's functions, on the flow thread.
class PoolListener {
 public:
  virtual ~PoolListener() = default;
  /// The chunk's items are finished (or failed): its slot is READY.
  virtual void chunk_ready(Chunk chunk) = 0;
  /// These items found no room behind the others of their chunk: they need a slot of their own.
  virtual void chunk_returned(Chunk chunk) = 0;
};

/// The workers of a run: who has room, what each owes, and what happens when one dies. Flow thread only.
///
/// Invariants:
///  1. A slot of a worker is reclaimed or handed to its replacement only after the worker's exit is
///  confirmed.
///  2. A chunk that is owed keeps its slot through any number of deaths: the replacement goes on in the same
///  slot, behind
///     the items that are finished already. So a retry never waits for a slot.
///  3. An attempt is charged to the one item that the progress word names, and to no other of the chunk; what
///  it weighs, Blame decides.
///  4. A worker whose exit is not confirmed limits::child_reap after SIGKILL keeps its strip for ever: its
///  slots are retired, its chunks run elsewhere.
///  5. Deaths without a newly finished (or quarantined) item in between are bounded: then the run ends with
///  an error.
class WorkerPool {
 public:
  WorkerPool(const RunShape& shape, WorkerBrief brief, SlotTable& slots, StatsBoard& stats, Poller& poller,
             const PatientClock& clock, PoolListener& listener);

  /// Allocates all strips and starts all workers.
  void start();
  /// A worker with credit and a free slot: the one that owes least.
  [[nodiscard]] std::optional<std::uint32_t> with_room() const;
  /// Would have room but for a slot.
  [[nodiscard]] bool lacks_slot(std::uint32_t worker) const;
  /// Nobody owes anything: no slot is FILLING.
  [[nodiscard]] bool idle() const noexcept;
  void dispatch(std::uint32_t worker, Chunk chunk);

  /// Somebody kills processes of this run, so that a death says little about its process.
  [[nodiscard]] bool killer_at_large() const noexcept { return blame_.at_large(clock_.now()); }
  /// The owner was killed from outside.
  void saw_killer() noexcept { blame_.saw_killer(clock_.now()); }

  /// Tries again to send what waits for descriptors. Throws Error where they have been short for too long.
  void send_waiting();

  // Events of the poller; tags are made by channel_tag and exit_tag.
  void on_channel(std::uint32_t worker);
  void on_exit(std::uint32_t worker);
  /// Every look_every(): who works at an item for how long, who is stopped, who cannot be ended.
  void look();
  [[nodiscard]] std::chrono::milliseconds look_every() const noexcept;

  /// Closes all channels, waits, kills what does not leave, reaps. `at_once`: kills first. The strips stay
  /// mapped.
  void stop(bool at_once) noexcept;
  void sample_memory();

  /// Safe from any thread after start(): strips neither move nor go before the pool does.
  [[nodiscard]] const Strip& strip(std::uint32_t worker) const { return links_[worker].strip(); }
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(links_.size()); }

  static constexpr std::uint64_t channel_tag = std::uint64_t{1} << 32U;
  static constexpr std::uint64_t exit_tag = std::uint64_t{2} << 32U;

 private:
  void watch(WorkerLink& link);
  void on_chunk_done(WorkerLink& link, const ChunkDone& done);
  /// A worker that breaks the protocol is killed: its exit is handled like a crash.
  void replace(WorkerLink& link);
  /// Copies and checks descriptors up to `end`; false if the worker wrote nonsense.
  [[nodiscard]] bool collect(WorkerLink& link, Chunk& chunk, std::uint32_t end);
  void look_at(WorkerLink& link);
  void retire(WorkerLink& link);
  void recover(WorkerLink& link, const ExitStatus& status);
  /// Keeps what the dead worker had finished, charges what it worked at, renews the leases.
  void settle_death(WorkerLink& link, Death death);
  [[nodiscard]] Death death_of(const WorkerLink& link, const ExitStatus& status);
  void charge(WorkerLink& link, Chunk& chunk, std::uint32_t position, const Death& death);
  void quarantine(PlannedItem& item, const Death& death);
  void publish(const WorkerLink& link);

  const RunShape& shape_;
  WorkerBrief brief_;
  DescriptorLimits limits_;
  SlotTable& slots_;
  StatsBoard& stats_;
  Poller& poller_;
  const PatientClock& clock_;
  PoolListener& listener_;
  Blame blame_;
  std::vector<WorkerLink> links_;
  Received received_;
  std::uint32_t deaths_without_progress_ = 0;
  std::uint64_t oom_kills_;  ///< since boot, as last seen
};

}  // namespace forebay
