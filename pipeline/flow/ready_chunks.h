#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "pipeline/flow/batch_grid.h"
#include "pipeline/flow/chunk.h"
#include "pipeline/options.h"

namespace forebay {

/// READY chunks on their way to delivery, and the choice of the next batch. Not thread-safe.
///
/// Invariants:
///  1. A chunk is here from its worker's report until it is taken or revoked; its slot is READY all that
///  time.
///  2. A batch is picked once, and its chunks are then taken in item order.
///  3. In index order batches are picked in their order. In completion order a complete batch is picked
///  before an
///     incomplete one; the oldest is picked incomplete only when no slot is left to complete any (starved).
class ReadyChunks {
 public:
  ReadyChunks(BatchGrid grid, Order order) : grid_(std::move(grid)), order_(order) {}

  void offer(Chunk chunk);
  void set_total(std::uint64_t items) { total_items_ = items; }

  [[nodiscard]] std::optional<std::uint64_t> pick_batch(bool starved);
  /// All batches that the plan holds have been picked.
  [[nodiscard]] bool exhausted() const;

  [[nodiscard]] std::uint64_t batch_begin(std::uint64_t batch) const { return grid_.begin(batch); }
  /// One past the last item; the last batch ends with the plan, once that is known.
  [[nodiscard]] std::uint64_t batch_end(std::uint64_t batch) const;
  /// The chunk that begins with this item, if it is ready.
  [[nodiscard]] std::optional<Chunk> take(std::uint64_t first_item);
  [[nodiscard]] bool has(std::uint64_t first_item) const { return chunks_.contains(first_item); }
  /// Gives up the latest chunk after `item`, so that its slot can serve an earlier one.
  [[nodiscard]] std::optional<Chunk> revoke_last(std::uint64_t item);

 private:
  [[nodiscard]] bool is_complete(std::uint64_t batch) const;
  [[nodiscard]] bool is_picked(std::uint64_t batch) const;
  void mark_picked(std::uint64_t batch);

  BatchGrid grid_;
  Order order_;
  std::optional<std::uint64_t> total_items_;
  std::map<std::uint64_t, Chunk> chunks_;               // by first item
  std::map<std::uint64_t, std::uint64_t> ready_items_;  // by batch
  std::uint64_t next_batch_ = 0;                        // all before it are picked
  std::set<std::uint64_t> picked_ahead_;                // picked beyond next_batch_
};

}  // namespace forebay
