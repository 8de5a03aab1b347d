#include "host/pool/pool.h"

#include <algorithm>
#include <utility>

#include "host/pool/common_options.h"

namespace forebay {
namespace {

CrewOptions crew_options(PoolOptions options) {
  CrewOptions crew = detail::common_options(options);
  crew.workers = options.processes.value_or(default_pool_size());
  crew.start_ahead = options.idle_timeout.count() <= 0;
  return crew;
}

/// Chunks that a worker has in flight by default: enough to hide a wake-up, few enough to stay lazy.
constexpr std::size_t imap_chunks_per_worker = 16;

}  // namespace

Pool::Pool(std::int64_t processes) : Pool(PoolOptions{.processes = worker_count(processes)}) {}

Pool::Pool(PoolOptions options) : crew_(Crew::start(crew_options(std::move(options)))) {}

Pool::~Pool() {
  if (!crew_) return;
  crew_->terminate();
  if (!crew_->must_drive()) crew_->wait_for_end();
}

void Pool::join() { static_cast<void>(join(std::chrono::nanoseconds::max())); }

bool Pool::join(std::chrono::nanoseconds timeout) {
  if (!crew_->closed()) throw Error(ErrorCode::usage, "close() or terminate() the pool before join()");
  return crew_->join(detail::deadline_after(timeout));
}

detail::ResultsPlan Pool::plan(const ImapOptions& options, bool ordered) const {
  detail::ResultsPlan plan;
  plan.chunk_size = options.chunk_size;
  plan.ordered = ordered;
  plan.window = options.window == 0
                    ? imap_chunks_per_worker * size()
                    : std::max<std::size_t>(1, options.window / std::max(1U, options.chunk_size));
  return plan;
}

/// CPython's Pool._map_async: a quarter of what each worker would get, rounded up.
std::uint32_t Pool::chunk_size_for(std::size_t items, std::uint32_t asked) const noexcept {
  if (asked != 0) return asked;
  const std::size_t parts = std::size_t{size()} * 4;
  const std::size_t chunk = std::max<std::size_t>(1, (items + parts - 1) / parts);
  return static_cast<std::uint32_t>(std::min<std::size_t>(chunk, UINT32_MAX));
}

}  // namespace forebay
