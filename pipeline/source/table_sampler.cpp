#include "pipeline/source/table_sampler.h"

#include <algorithm>
#include <utility>

#include "pipeline/source/sources_changed.h"

namespace forebay {
namespace {

std::uint64_t divided_up(std::uint64_t value, std::uint64_t by) {
  return value / by + (value % by != 0 ? 1 : 0);
}

}  // namespace

TableSampler::TableSampler(std::unique_ptr<Source> source, const Sampling& sampling, const DoneItems& done)
    : sampling_(sampling),
      table_(*source),
      note_(source->note()),
      done_(done),
      epoch_items_(samples_of_epoch(sampling, table_.size())) {
  const std::uint64_t prefix = done_.prefix_end();
  if (done_.end() > end()) throw sources_changed(done_.end(), end());
  if (!done.source_identity.empty() && source->identity() == done.source_identity) return;  // as it was
  EntryHash hash;
  for (std::uint64_t position = 0; position < prefix; ++position) {
    const SourceEntry entry = sample_at(position).entry;
    hash.add(entry.path, entry.label);
  }
  if (prefix > 0 && hash != done_.prefix()) throw sources_changed(prefix, prefix);
}

std::uint64_t TableSampler::end() const noexcept { return samples_of(sampling_, table_.size()); }

Sample TableSampler::sample_at(std::uint64_t position) {
  const std::uint64_t epoch = sampling_.first_epoch + position / epoch_items_;
  const std::uint64_t entries = table_.size();
  // What is repeated is the shard's last; a shard without any repeats the last of all.
  const std::uint64_t own =
      entries <= sampling_.shard ? 0 : divided_up(entries - sampling_.shard, sampling_.shards);
  const std::uint64_t place = std::min(position % epoch_items_, own == 0 ? 0 : own - 1);
  const std::uint64_t turn = own == 0 ? entries - 1 : sampling_.shard + place * sampling_.shards;
  Sample sample;
  sample.index = position;
  sample.epoch = epoch;
  sample.item = turn;
  if (sampling_.shuffle) {
    if (!shuffle_ || shuffled_epoch_ != epoch) shuffle_.emplace(entries, sampling_.seed, epoch);
    shuffled_epoch_ = epoch;
    sample.item = shuffle_->at(turn);
  }
  sample.entry = table_.at(sample.item);
  return sample;
}

std::optional<Sample> TableSampler::next() {
  const std::uint64_t position = done_.first_open(position_);
  if (position >= end()) return std::nullopt;
  position_ = position + 1;
  return sample_at(position);
}

std::optional<std::uint64_t> TableSampler::size_hint() const { return end() - done_.count_in(0, end()); }

std::vector<std::uint64_t> TableSampler::epoch_sizes() const {
  std::vector<std::uint64_t> sizes;
  if (epoch_items_ == 0) return sizes;
  // From the first epoch with an open position to the last with one that is done; then they are whole.
  std::uint64_t epoch = 0;
  const std::uint64_t prefix = done_.prefix_end();
  epoch = prefix / epoch_items_;
  for (; epoch * epoch_items_ < done_.end(); ++epoch) {
    const std::uint64_t begin = epoch * epoch_items_;
    sizes.push_back(epoch_items_ - done_.count_in(begin, begin + epoch_items_));
  }
  sizes.push_back(epoch_items_);
  return sizes;
}

}  // namespace forebay
