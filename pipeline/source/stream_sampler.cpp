#include "pipeline/source/stream_sampler.h"

#include <algorithm>
#include <utility>

#include "pipeline/source/sources_changed.h"

namespace forebay {

StreamSampler::StreamSampler(std::unique_ptr<Source> source, const Sampling& sampling, const DoneItems& done)
    : source_(std::move(source)), sampling_(sampling), done_(done) {
  if (seek(done)) return;
  EntryHash hash;
  while (position_ < done_.prefix_end()) {
    const std::optional<Sample> sample = next_of_shard();
    if (!sample) throw sources_changed(done_.prefix_end(), position_);
    hash.add(sample->entry.path, sample->entry.label);
  }
  if (position_ > 0 && hash != done_.prefix()) throw sources_changed(position_, position_);
}

bool StreamSampler::seek(const DoneItems& done) {
  const bool known = done_.prefix_end() > 0 && done.mark.valid() && !done.source_identity.empty();
  if (!known || source_->identity() != done.source_identity || !source_->seek(done.mark)) return false;
  position_ = done_.prefix_end();
  entries_ = done.entries;
  return true;
}

std::optional<Sample> StreamSampler::next_of_shard() {
  while (std::optional<SourceEntry> entry = source_->next()) {
    const std::uint64_t item = entries_++;
    if (item % sampling_.shards != sampling_.shard) continue;
    return Sample{*entry, position_++, item, sampling_.first_epoch, source_->mark()};
  }
  return std::nullopt;
}

std::optional<Sample> StreamSampler::next() {
  while (!sampling_.limit || position_ < *sampling_.limit) {
    const std::uint64_t open = done_.first_open(position_);
    std::optional<Sample> sample = next_of_shard();
    if (!sample || sample->index == open) return sample;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> StreamSampler::size_hint() const {
  const std::optional<std::uint64_t> entries = source_->size_hint();
  if (!entries) return std::nullopt;
  const std::uint64_t rest = *entries - std::min<std::uint64_t>(*entries, sampling_.shard);
  std::uint64_t positions = rest / sampling_.shards + (rest % sampling_.shards != 0 ? 1 : 0);
  if (sampling_.limit) positions = std::min(positions, *sampling_.limit);
  return positions - done_.count_in(0, positions);
}

}  // namespace forebay
