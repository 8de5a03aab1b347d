#include "pipeline/flow/batch_lane.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "host/contract.h"
#include "pipeline/flow/chunk_records.h"

namespace forebay {
namespace {

ItemOp op_of(const ItemDescriptor& item, std::uint32_t row) {
  ItemOp op;
  op.pixels = static_cast<std::uint32_t>(item.offset);
  op.height = static_cast<std::uint32_t>(item.shape[0]);
  op.width = static_cast<std::uint32_t>(item.shape[1]);
  if (item.kind == ItemKind::region) {
    op.horizontal = item.horizontal;
    op.horizontal_taps = item.horizontal_taps;
    op.vertical = item.vertical;
    op.vertical_taps = item.vertical_taps;
  }
  op.row = row;
  return op;
}

/// Leaves out what lies before the first of the items: a part of a chunk uploads that part.
void trim_front(AddChunk& message) {
  std::uint64_t begin = message.payload_end;
  for (const ItemOp& op : std::span(message.ops.data(), message.items)) {
    begin = std::min<std::uint64_t>(begin, op.pixels);
    if (op.horizontal_taps > 0) begin = std::min<std::uint64_t>({begin, op.horizontal, op.vertical});
  }
  begin = begin / limits::payload_alignment * limits::payload_alignment;
  const auto shift = static_cast<std::uint32_t>(begin);
  for (ItemOp& op : std::span(message.ops.data(), message.items)) {
    op.pixels -= shift;
    if (op.horizontal_taps == 0) continue;
    op.horizontal -= shift;
    op.vertical -= shift;
  }
  message.payload_begin = begin;
}

/// The chunk without its first items. They keep their place in the slot.
void drop_front(Chunk& chunk, std::uint32_t count) {
  chunk.items.erase(chunk.items.begin(), chunk.items.begin() + count);
  chunk.finished.erase(chunk.finished.begin(), chunk.finished.begin() + count);
  chunk.first_item += count;
}

void quarantine(Chunk& chunk, std::uint32_t used, const BatchLane::Guilt& guilt) {
  for (std::uint32_t position = 0; position < used; ++position) {
    if (!item_succeeded(chunk, position)) continue;
    chunk.items[position].failed = ItemErrorCode::device_failed;
    chunk.items[position].message = guilt.message;
    chunk.items[position].quarantine = guilt.evidence;
  }
}

}  // namespace

void BatchLane::take(std::uint64_t batch, std::uint64_t first_item, std::uint32_t result) {
  expect(!busy_, "a lane has one batch at a time");
  busy_ = true;
  batch_ = batch;
  cursor_ = first_item;
  result_ = result;
  rows_ = 0;
}

BatchLane::Part BatchLane::part() const {
  Part part = part_;
  part.end_item = cursor_;
  return part;
}

std::string BatchLane::row_path() const {
  const auto found = std::find_if(part_records_.begin(), part_records_.end(),
                                  [](const ItemRecord& record) { return record.ok(); });
  return found == part_records_.end() ? std::string() : found->path;
}

BeginBatch BatchLane::begin(std::uint32_t rows, bool streams) {
  open_ = true;
  ended_ = false;
  streams_ = streams;
  part_ = {cursor_, cursor_, 0, rows};
  BeginBatch message;
  message.lane = number_;
  message.result = result_;
  message.batch = batch_;
  message.first_row = rows_;
  message.rows = rows;
  return message;
}

std::optional<AddChunk> BatchLane::add(Chunk chunk, bool stop_at_failure, SlotTable& slots) {
  AddChunk message;
  message.lane = number_;
  message.strip = chunk.lease->worker;
  message.slot = chunk.lease->slot;
  message.generation = chunk.lease->generation;
  std::uint32_t used = 0;
  for (; used < chunk.count() && !failed_item_; ++used) {
    const bool has_row = item_succeeded(chunk, used);
    if (has_row && full()) break;
    part_records_.push_back(make_record(chunk, used));
    if (has_row) {
      message.ops[message.items++] = op_of(chunk.finished[used], part_.rows++);
      message.payload_end = chunk.finished[used].payload_end;
    } else if (stop_at_failure) {
      failed_item_ = chunk.first_item + used;
    }
  }
  cursor_ = chunk.first_item + used;
  slots.move(SlotMove::take, *chunk.lease);
  const bool nothing = message.items == 0;
  sent_.push_back({std::move(chunk), used, nothing, nothing});
  if (message.items == 0) return std::nullopt;
  if (!streams_) trim_front(message);
  return message;
}

EndBatch BatchLane::end() {
  ended_ = true;
  EndBatch message;
  message.lane = number_;
  message.rows = part_.rows;
  return message;
}

void BatchLane::mark_read(const Lease& lease, bool finished) noexcept {
  for (Sent& sent : sent_) {
    const std::optional<Lease>& held = sent.chunk.lease;
    if (!held || held->generation != lease.generation) continue;
    sent.read = true;
    sent.finished = finished;
  }
}

bool BatchLane::holds_read(std::uint32_t worker) const noexcept {
  return streams_ && std::any_of(sent_.begin(), sent_.end(), [worker](const Sent& sent) {
           return sent.read && sent.chunk.lease && sent.chunk.lease->worker == worker;
         });
}

void BatchLane::give_back(std::uint32_t worker, SlotTable& slots) {
  const auto oldest = std::find_if(sent_.begin(), sent_.end(), [worker](const Sent& sent) {
    return sent.read && sent.chunk.lease && sent.chunk.lease->worker == worker;
  });
  expect(oldest != sent_.end(), "a slot is given back that has been read and is held");
  slots.move(SlotMove::release, *oldest->chunk.lease);
  oldest->chunk.lease.reset();
}

void BatchLane::settle(std::size_t count, SlotTable& slots, std::vector<Chunk>& ready) {
  std::uint32_t items = 0;
  for (Sent& sent : std::span(sent_).first(count)) {
    items += sent.used;
    if (!sent.chunk.lease) continue;
    if (sent.used == sent.chunk.count()) {
      slots.move(SlotMove::release, *sent.chunk.lease);
      continue;
    }
    slots.move(SlotMove::put_back, *sent.chunk.lease);
    drop_front(sent.chunk, sent.used);
    ready.push_back(std::move(sent.chunk));
  }
  sent_.erase(sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(count));
  const auto end = part_records_.begin() + items;
  const auto rows = static_cast<std::uint32_t>(
      std::count_if(part_records_.begin(), end, [](const ItemRecord& record) { return record.ok(); }));
  records_.insert(records_.end(), std::make_move_iterator(part_records_.begin()),
                  std::make_move_iterator(end));
  part_records_.erase(part_records_.begin(), end);
  rows_ += rows;
  part_.first_item += items;
  part_.rows -= rows;
  part_.planned -= rows;
}

BatchLane::Chunks BatchLane::complete(SlotTable& slots) {
  Chunks left;
  settle(sent_.size(), slots, left.ready);
  close();
  return left;
}

std::uint32_t BatchLane::keep_finished(SlotTable& slots, std::vector<Chunk>& ready) {
  // An item that ends the batch is found again: whoever cuts the run there takes that back.
  const auto end = std::find_if(sent_.begin(), sent_.end(), [this](const Sent& sent) {
    return !sent.finished || (failed_item_ && sent.chunk.first_item + sent.used > *failed_item_);
  });
  const std::uint32_t before = rows_;
  const bool all = end == sent_.end() && !failed_item_;
  settle(static_cast<std::size_t>(end - sent_.begin()), slots, ready);
  if (all) close();
  return rows_ - before;
}

BatchLane::Chunks BatchLane::lose(SlotTable& slots, const std::optional<Guilt>& guilty) {
  Chunks left;
  for (auto& [chunk, used, read, finished] : sent_) {
    if (guilty) quarantine(chunk, used, *guilty);
    if (chunk.lease) {
      slots.move(SlotMove::put_back, *chunk.lease);
      left.ready.push_back(std::move(chunk));
    } else {
      chunk.finished.clear();
      left.again.push_back(std::move(chunk));
    }
  }
  cursor_ = part_.first_item;
  close();
  return left;
}

void BatchLane::close() {
  open_ = ended_ = false;
  sent_.clear();
  part_records_.clear();
  failed_item_.reset();
}

BatchResult BatchLane::finish() {
  BatchResult result;
  result.batch = batch_;
  result.result = result_;
  result.items = std::move(records_);
  records_.clear();
  busy_ = false;
  return result;
}

}  // namespace forebay
