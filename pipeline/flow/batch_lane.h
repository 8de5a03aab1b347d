#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/flow/chunk.h"
#include "pipeline/flow/handover.h"
#include "pipeline/flow/messages.h"
#include "pipeline/flow/slot_table.h"
#include "pipeline/item_record.h"

namespace forebay {

/// A batch on its way through the owner, into one result slot, in parts: consecutive items whose rows lie
/// behind each other there. Undisturbed there is one part. Keeps the books only; its owner sends what it
/// returns. Flow thread only.
///
/// Invariants:
///  1. Rows of completed parts stay, whatever happens to a later part; the next part's first row is what they
///  delivered.
///  2. A chunk's slot is IN_FLIGHT from add() until the part is over, or (of a streaming part) until it has
///  been read and is given back. A part that
///     does not stream keeps its chunks, so that it can be tried again without a worker.
///  3. What a part did not use up of its last chunk is READY again when the part is over.
///  4. Chunks are read in the order in which they were added.
class BatchLane {
 public:
  /// Items of one part, as they are named to people.
  struct Part {
    std::uint64_t first_item = 0;
    std::uint64_t end_item = 0;
    std::uint32_t rows = 0;     ///< so far
    std::uint32_t planned = 0;  ///< that it could have had
  };
  /// What is left of the chunks of a part that is over.
  struct Chunks {
    std::vector<Chunk> ready;  ///< in their slots, READY
    std::vector<Chunk> again;  ///< their slots have been read and given on: for workers
  };

  /// Why the item of a part's one row gets none.
  struct Guilt {
    std::string message;
    std::shared_ptr<const Quarantine> evidence;
  };

  void set_number(std::uint32_t number) noexcept { number_ = number; }
  /// Takes a batch on. Precondition: not busy().
  void take(std::uint64_t batch, std::uint64_t first_item, std::uint32_t result);

  [[nodiscard]] bool busy() const noexcept { return busy_; }
  [[nodiscard]] std::uint64_t batch() const noexcept { return batch_; }
  [[nodiscard]] std::uint64_t cursor() const noexcept { return cursor_; }  ///< the next item
  /// A part is begun and not over.
  [[nodiscard]] bool open() const noexcept { return open_; }
  /// Everything of the open part has been sent.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  [[nodiscard]] bool streams() const noexcept { return streams_; }
  [[nodiscard]] bool full() const noexcept { return part_.rows >= part_.planned; }
  [[nodiscard]] Part part() const;

  /// The path of the part's first item with a row, as its source names it.
  [[nodiscard]] std::string row_path() const;

  /// Begins the next part, of at most `rows` rows. `streams`: slots are given on as soon as they are read.
  [[nodiscard]] BeginBatch begin(std::uint32_t rows, bool streams);
  /// Adds what the part can take of the READY chunk at the cursor; nothing to send where that has no row.
  /// `stop_at_failure`: an item without a row ends the batch; failed_item() names it then.
  [[nodiscard]] std::optional<AddChunk> add(Chunk chunk, bool stop_at_failure, SlotTable& slots);
  [[nodiscard]] std::optional<std::uint64_t> failed_item() const noexcept { return failed_item_; }
  [[nodiscard]] EndBatch end();

  /// The owner has read a slot: it may be given back before its part is done. `finished`: its rows are in the
  /// result slot as they are to be.
  void mark_read(const Lease& lease, bool finished) noexcept;
  /// A slot of this worker's strip has been read and is still held.
  [[nodiscard]] bool holds_read(std::uint32_t worker) const noexcept;
  /// Gives the oldest of these back. Precondition: holds_read(worker).
  void give_back(std::uint32_t worker, SlotTable& slots);
  /// The part is in the result slot.
  [[nodiscard]] Chunks complete(SlotTable& slots);
  /// The owner died: what it had finished becomes a part that is done, and the rest is what remains of the
  /// open part, if anything does. Returns the finished rows. Precondition: open(), nobody reads its slots.
  [[nodiscard]] std::uint32_t keep_finished(SlotTable& slots, std::vector<Chunk>& ready);
  /// The part has to be built again, and nobody reads its slots any more. `guilty`: its one row's item is
  /// quarantined.
  [[nodiscard]] Chunks lose(SlotTable& slots, const std::optional<Guilt>& guilty);
  /// The batch is over. Frees the lane.
  [[nodiscard]] BatchResult finish();

 private:
  /// A chunk of the open part. With lease: IN_FLIGHT; without: read and given back.
  struct Sent {
    Chunk chunk;
    std::uint32_t used = 0;  ///< its first items, which are in the part
    bool read = false;       ///< by the owner, or nothing in it is to be read
    bool finished = false;   ///< its rows are in the result, or it has none in the part
  };
  /// The first `count` of sent_ are done with: their records and rows are those of completed parts.
  void settle(std::size_t count, SlotTable& slots, std::vector<Chunk>& ready);
  void close();

  std::uint32_t number_ = 0;
  bool busy_ = false;
  std::uint64_t batch_ = 0;
  std::uint32_t result_ = 0;
  std::uint64_t cursor_ = 0;
  std::uint32_t rows_ = 0;           // of completed parts
  std::vector<ItemRecord> records_;  // of completed parts

  bool open_ = false;
  bool ended_ = false;
  bool streams_ = false;
  Part part_;
  std::vector<Sent> sent_;
  std::vector<ItemRecord> part_records_;
  std::optional<std::uint64_t> failed_item_;  // of the open part
};

}  // namespace forebay
