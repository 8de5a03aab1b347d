#include "pipeline/flow/plan.h"

#include <algorithm>
#include <utility>

#include "host/error.h"

namespace forebay {

Plan::Plan(std::unique_ptr<Sampler> sampler, BatchGrid grid)
    : sampler_(std::move(sampler)), grid_(std::move(grid)) {}

std::optional<Chunk> Plan::next_chunk(std::uint32_t items) {
  if (complete_) return std::nullopt;
  while (grid_.end(batch_) <= planned_) ++batch_;
  Chunk chunk;
  chunk.first_item = planned_;
  chunk.batch = batch_;
  const std::uint64_t wanted = std::min<std::uint64_t>(items, grid_.end(batch_) - planned_);
  while (chunk.items.size() < wanted) {
    const std::optional<Sample> sample = next_sample();
    if (!sample) {
      if (interrupted_.load()) return std::nullopt;
      complete_ = true;
      break;
    }
    PlannedItem& item = chunk.items.emplace_back();
    item.path = sample->entry.path;
    item.label = sample->entry.label;
    item.index = sample->index;
    item.item = sample->item;
    item.mark = sample->mark;
    chunk.epoch = sample->epoch;
    ++planned_;
  }
  if (sampler_->size_hint() == planned_) complete_ = true;
  if (chunk.items.empty()) return std::nullopt;
  return chunk;
}

std::optional<Sample> Plan::next_sample() {
  try {
    return sampler_->next();
  } catch (const Error&) {
    error_ = std::current_exception();
    return std::nullopt;
  }
}

std::optional<std::uint64_t> Plan::total() const { return complete_ ? planned_ : sampler_->size_hint(); }

}  // namespace forebay
