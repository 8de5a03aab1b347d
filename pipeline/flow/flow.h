#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "host/channel/poller.h"
#include "host/memory/memory_pressure.h"
#include "pipeline/flow/handover.h"
#include "pipeline/flow/owner_desk.h"
#include "pipeline/flow/plan.h"
#include "pipeline/flow/slot_table.h"
#include "pipeline/flow/slot_throttle.h"
#include "pipeline/flow/stats_board.h"
#include "pipeline/flow/worker_pool.h"

namespace forebay {

/// What a run is made of once device and shape are decided.
struct FlowParts {
  RunShape shape;
  PipelineOptions options;
  WorkerBrief brief;
  std::vector<DeviceStage> device_stages;
  std::unique_ptr<Sampler> sampler;
  BatchGrid grid;                    ///< of the sampler's epochs
  std::uint64_t items_before = 0;    ///< that an earlier run has delivered
  std::unique_ptr<OwnerLink> owner;  ///< opened; null where there is none
  std::vector<std::shared_ptr<SealedMemory>> results;
};

/// The flow thread: plans, dispatches, watches, retries. It alone touches processes, channels and the slot
/// table; the caller of Pipeline::next() meets it in the Handover.
///
/// Invariants:
///  1. Chunks are dispatched in item order; what must run again goes first.
///  2. There is always progress: if every slot holds a READY chunk and an earlier item still needs one, the
///  latest READY
///     chunk is revoked (its items run again later, with the same bits).
///  3. The thread ends only through Handover::finish() or fail(), after every process has been stopped and
///  reaped.
class Flow : private PoolListener {
 public:
  Flow(FlowParts parts, Handover& handover, StatsBoard& stats);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  ~Flow() override;

  /// Allocates the strips, starts the workers, then the thread. Throws Error.
  void start();
  /// Asks the thread to end, also where it waits for the source. Thread-safe, never blocks.
  void stop() noexcept;
  /// Waits for the thread, which ends when the plan is delivered, after stop(), or on failure.
  void join();
  void kill() noexcept;
  /// The payload of a READY or IN_FLIGHT slot. Any thread that holds the lease.
  [[nodiscard]] std::span<const std::byte> payload(const Lease& lease) const {
    return pool_.strip(lease.worker).payload(lease.slot);
  }

 private:
  void run();
  void serve();
  void handle(const Poller::Event& event);
  void look();
  void look_at_memory(std::chrono::steady_clock::time_point now);
  void take_back();
  void dispatch();
  [[nodiscard]] std::optional<std::uint32_t> with_room();
  [[nodiscard]] std::optional<Chunk> next_chunk();
  void revoke_for_pending();
  void announce_plan();
  [[nodiscard]] bool done() const;
  [[nodiscard]] bool must_stop();
  void stop_processes() noexcept;

  void chunk_ready(Chunk chunk) override;
  void chunk_returned(Chunk chunk) override;

  FlowParts parts_;
  Handover& handover_;
  StatsBoard& stats_;
  Poller poller_;
  PatientClock clock_;
  Plan plan_;
  SlotTable slots_;
  WorkerPool pool_;
  std::unique_ptr<OwnerDesk> desk_;
  std::map<std::uint64_t, Chunk> pending_;  // by first item; bounded by the chunks that were under way
  MemoryPressure pressure_;
  SlotThrottle throttle_;
  std::chrono::steady_clock::time_point next_second_{};
  std::chrono::steady_clock::time_point memory_looked_;
  bool starved_ = false;
  bool total_known_ = false;
  std::optional<std::chrono::steady_clock::time_point> stop_deadline_;  // set when stop() is first seen
  bool overdue_ = false;                                                // the owner did not finish in time
  std::atomic<bool> kill_{false};
  std::thread thread_;
};

}  // namespace forebay
