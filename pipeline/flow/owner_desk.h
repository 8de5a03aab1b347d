#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/backend.h"
#include "pipeline/flow/handover.h"
#include "pipeline/flow/owner_link.h"
#include "pipeline/flow/stats_board.h"
#include "pipeline/flow/worker_pool.h"

namespace forebay {

/// The coordinator's side of the owner: batches are built on its lanes from READY chunks in item order,
/// results come back in result slots. Flow thread only.
///
/// Invariants:
///  1. A chunk's slot is IN_FLIGHT from AddChunk until ChunkReleased of the same generation, or until the
///  owner's exit is
///     confirmed: then it is READY again.
///  2. A result slot is free, or belongs to one lane, or to the caller. What a lane held when the owner died
///  is computed
///     again, never read.
///  3. Chunks whose slots were released before their batch was done are run again by workers: same bits.
class OwnerDesk {
 public:
  OwnerDesk(const RunShape& shape, const PipelineOptions& options, std::vector<DeviceStage> stages,
            std::vector<std::shared_ptr<SealedMemory>> results, WorkerPool& pool, SlotTable& slots,
            Handover& handover, StatsBoard& stats, Poller& poller);

  /// Takes the opened owner and hands it the memory.
  void start(std::unique_ptr<OwnerLink> link);
  /// A chunk became READY.
  void offer(Chunk chunk) { ready_.offer(std::move(chunk)); }
  void set_total(std::uint64_t items) { ready_.set_total(items); }
  /// Moves everything on that can move. `starved`: no slot is left to complete a batch; `stopping`: finish
  /// what is begun.
  void pump(bool starved, bool stopping);
  void release_result(std::uint32_t result) { free_results_.push_back(result); }
  [[nodiscard]] std::optional<Chunk> revoke_last(std::uint64_t item) { return ready_.revoke_last(item); }
  /// Nothing is in flight.
  [[nodiscard]] bool idle() const noexcept;
  [[nodiscard]] bool exhausted() const { return ready_.exhausted(); }
  /// A bad item ended the run (OnError::fail).
  [[nodiscard]] bool failed_item() const noexcept { return failed_item_; }

  void on_channel();
  /// The owner died: a new one takes over. Returns the chunks that workers must run again.
  [[nodiscard]] std::vector<Chunk> on_exit();
  void on_writable();
  void tick();
  void stop(bool at_once) noexcept;

  static constexpr std::uint64_t channel_tag = std::uint64_t{3} << 32U;
  static constexpr std::uint64_t exit_tag = std::uint64_t{4} << 32U;

 private:
  struct Lane {
    bool busy = false;
    bool ended = false;
    std::uint64_t batch = 0;
    std::uint64_t cursor = 0;  ///< next item
    std::uint32_t rows = 0;
    std::uint32_t result = 0;
    std::vector<Chunk> sent;  ///< with lease: in flight; without: read by the owner
    std::vector<ItemRecord> records;
  };
  void begin(Lane& lane, std::uint64_t batch);
  void add(Lane& lane, Chunk chunk);
  void end(Lane& lane);
  void finish(Lane& lane, const BatchDone& done);
  [[nodiscard]] std::uint32_t number_of(const Lane& lane) const;
  void watch_writes();

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
  std::array<Lane, Backend::lanes_max> lanes_;
  std::vector<std::uint32_t> free_results_;
  std::unique_ptr<OwnerLink> link_;
  Received received_;
  bool owner_ready_ = false;
  bool watched_ = false;  ///< the channel is in the poller: it leaves when the owner closes it
  bool failed_item_ = false;
  std::string last_words_;
  std::uint32_t deaths_without_progress_ = 0;
  OwnerStats owner_stats_;
  std::chrono::steady_clock::time_point heard_;
};

}  // namespace forebay
