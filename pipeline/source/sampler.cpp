#include "pipeline/source/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "host/error.h"
#include "pipeline/source/stream_sampler.h"
#include "pipeline/source/table_sampler.h"

namespace forebay {

std::string_view to_string(LastBatch last_batch) noexcept {
  switch (last_batch) {
    case LastBatch::partial: return "partial";
    case LastBatch::drop: return "drop";
    case LastBatch::pad: return "pad";
  }
  return "unknown";
}

std::uint64_t samples_of_epoch(const Sampling& sampling, std::uint64_t entries) noexcept {
  const auto divided_up = [](std::uint64_t value, std::uint64_t by) {
    return value / by + (value % by != 0 ? 1 : 0);
  };
  if (entries == 0) return 0;
  const std::uint64_t batch = sampling.batch;
  switch (sampling.last_batch) {
    case LastBatch::drop: return entries / sampling.shards / batch * batch;
    case LastBatch::pad: return divided_up(divided_up(entries, sampling.shards), batch) * batch;
    case LastBatch::partial: break;
  }
  return entries <= sampling.shard ? 0 : divided_up(entries - sampling.shard, sampling.shards);
}

std::uint64_t samples_of(const Sampling& sampling, std::uint64_t entries) noexcept {
  const std::uint64_t of_epoch = samples_of_epoch(sampling, entries);
  // More positions than 64 bits can number are more than any run comes to.
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const bool fits = of_epoch == 0 || sampling.epochs <= most / of_epoch;
  const std::uint64_t all = fits ? sampling.epochs * of_epoch : most;
  return sampling.limit ? std::min(all, *sampling.limit) : all;
}

std::unique_ptr<Sampler> make_sampler(std::unique_ptr<Source> source, const Sampling& sampling,
                                      const DoneItems& done) {
  if (sampling.limit && !done.ranges.empty() && done.ranges.back().end > *sampling.limit) {
    throw Error(ErrorCode::usage, fmt::format("a limit of {} items is below the {} that are done",
                                              *sampling.limit, done.ranges.back().end));
  }
  if (sampling.needs_all()) return std::make_unique<TableSampler>(std::move(source), sampling, done);
  return std::make_unique<StreamSampler>(std::move(source), sampling, done);
}

}  // namespace forebay
