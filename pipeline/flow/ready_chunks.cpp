#include "pipeline/flow/ready_chunks.h"

#include <algorithm>
#include <utility>

namespace forebay {

void ReadyChunks::offer(Chunk chunk) {
  ready_items_[chunk.batch] += chunk.count();
  const std::uint64_t first = chunk.first_item;
  chunks_.emplace(first, std::move(chunk));
}

std::uint64_t ReadyChunks::batch_end(std::uint64_t batch) const {
  const std::uint64_t end = grid_.end(batch);
  return total_items_ ? std::min(end, *total_items_) : end;
}

bool ReadyChunks::is_complete(std::uint64_t batch) const {
  const auto found = ready_items_.find(batch);
  if (found == ready_items_.end()) return false;
  return found->second == batch_end(batch) - batch_begin(batch);
}

bool ReadyChunks::is_picked(std::uint64_t batch) const {
  return batch < next_batch_ || picked_ahead_.contains(batch);
}

void ReadyChunks::mark_picked(std::uint64_t batch) {
  picked_ahead_.insert(batch);
  while (picked_ahead_.erase(next_batch_) != 0) ++next_batch_;
}

std::optional<std::uint64_t> ReadyChunks::pick_batch(bool starved) {
  if (order_ == Order::completion) {
    for (const auto& [batch, items] : ready_items_) {
      if (is_picked(batch) || !is_complete(batch)) continue;
      mark_picked(batch);
      return batch;
    }
    if (!starved) return std::nullopt;
  }
  if (!has(batch_begin(next_batch_))) return std::nullopt;
  const std::uint64_t batch = next_batch_;
  mark_picked(batch);
  return batch;
}

bool ReadyChunks::exhausted() const {
  return total_items_ && picked_ahead_.empty() && batch_begin(next_batch_) >= *total_items_;
}

std::optional<Chunk> ReadyChunks::take(std::uint64_t first_item) {
  const auto found = chunks_.find(first_item);
  if (found == chunks_.end()) return std::nullopt;
  Chunk chunk = std::move(found->second);
  chunks_.erase(found);
  const auto ready = ready_items_.find(chunk.batch);
  ready->second -= chunk.count();
  if (ready->second == 0) ready_items_.erase(ready);
  return chunk;
}

std::optional<Chunk> ReadyChunks::revoke_last(std::uint64_t item) {
  if (chunks_.empty() || chunks_.rbegin()->first <= item) return std::nullopt;
  return take(chunks_.rbegin()->first);
}

}  // namespace forebay
