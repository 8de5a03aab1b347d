#include "pipeline/source/sampler.h"

#include <fmt/format.h>

#include <utility>

#include "host/error.h"
#include "pipeline/source/sources_changed.h"
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

std::unique_ptr<Sampler> make_sampler(std::unique_ptr<Source> source, const Sampling& sampling,
                                      const DoneItems& done) {
  if (sampling.limit && !done.ranges.empty() && done.ranges.back().end > *sampling.limit) {
    throw Error(ErrorCode::usage, fmt::format("a limit of {} items is below the {} that are done",
                                              *sampling.limit, done.ranges.back().end));
  }
  if (sampling.needs_all()) return std::make_unique<TableSampler>(std::move(source), sampling, done);
  return std::make_unique<StreamSampler>(std::move(source), sampling, done);
}

Error sources_changed(std::uint64_t items, std::uint64_t found) {
  const std::string what = found < items ? fmt::format("hold {} items only", found)
                                         : std::string("name others or in another order");
  return {
      ErrorCode::usage,
      fmt::format("the sources have changed: the earlier run did {} items, and now they {}; give the same "
                  "sources, or start afresh",
                  items, what)};
}

}  // namespace forebay
