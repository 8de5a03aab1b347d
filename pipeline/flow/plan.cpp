#include "pipeline/flow/plan.h"

#include <algorithm>
#include <utility>

#include "host/error.h"

namespace forebay {

Plan::Plan(std::unique_ptr<Source> source, std::uint32_t batch_items, std::optional<std::uint64_t> limit)
    : source_(std::move(source)), batch_items_(batch_items), limit_(limit) {}

std::optional<Chunk> Plan::next_chunk(std::uint32_t items) {
  if (complete_) return std::nullopt;
  Chunk chunk;
  chunk.first_item = planned_;
  chunk.batch = planned_ / batch_items_;
  const std::uint64_t left_in_batch = batch_items_ - planned_ % batch_items_;
  const std::uint64_t wanted = std::min<std::uint64_t>(items, left_in_batch);
  while (chunk.items.size() < wanted) {
    if (limit_ && planned_ >= *limit_) {
      complete_ = true;
      break;
    }
    const std::optional<SourceEntry> entry = next_entry();
    if (!entry) {
      if (interrupted_.load()) return std::nullopt;
      complete_ = true;
      break;
    }
    PlannedItem& item = chunk.items.emplace_back();
    item.path = entry->path;
    item.label = entry->label;
    ++planned_;
  }
  if (limit_ && planned_ >= *limit_) complete_ = true;
  if (chunk.items.empty()) return std::nullopt;
  return chunk;
}

std::optional<SourceEntry> Plan::next_entry() {
  try {
    return source_->next();
  } catch (const Error&) {
    error_ = std::current_exception();
    return std::nullopt;
  }
}

std::optional<std::uint64_t> Plan::total() const {
  if (complete_) return planned_;
  std::optional<std::uint64_t> total = source_->size_hint();
  if (total && limit_) total = std::min(*total, *limit_);
  return total;
}

}  // namespace forebay
