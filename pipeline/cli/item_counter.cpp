#include "pipeline/cli/item_counter.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "host/error.h"
#include "pipeline/source/source.h"

namespace forebay::cli {

bool can_be_read_twice(const std::string& source) {
  if (!source.starts_with('@')) return true;
  struct stat status {};
  return ::stat(source.c_str() + 1, &status) == 0 && S_ISREG(status.st_mode);
}

Counted count_items(const std::vector<std::string>& sources, std::optional<std::uint64_t> limit,
                    std::chrono::steady_clock::time_point deadline) {
  const std::unique_ptr<Source> source = open_sources(sources);
  Counted counted;
  try {
    while ((!limit || counted.items < *limit) && source->next()) {
      ++counted.items;
      if (std::chrono::steady_clock::now() < deadline) continue;
      counted.all = false;
      break;
    }
  } catch (const Error&) {
    counted.all = false;  // the run delivers what comes before the fault, and says what it is
  }
  counted.note = source->note();
  return counted;
}

ItemCounter::ItemCounter(std::vector<std::string> sources, const PipelineOptions& options) {
  if (!std::all_of(sources.begin(), sources.end(), can_be_read_twice)) return;
  thread_ = std::jthread([this, sources = std::move(sources), options](const std::stop_token& stop) {
    count(stop, sources, options);
  });
}

std::optional<std::uint64_t> ItemCounter::total() const noexcept {
  const std::uint64_t total = total_.load(std::memory_order_relaxed);
  return total == unknown ? std::nullopt : std::optional(total);
}

void ItemCounter::count(const std::stop_token& stop, const std::vector<std::string>& sources,
                        const PipelineOptions& options) {
  constexpr int politeness = 10;
  ::setpriority(PRIO_PROCESS, 0, politeness);  // on Linux: of this thread
  try {
    const std::unique_ptr<Source> source = open_sources(sources);
    const std::uint64_t most = options.limit.value_or(UINT64_MAX);
    std::uint64_t items = 0;
    for (std::uint64_t entry = 0; !stop.stop_requested() && items < most && source->next(); ++entry)
      items += entry % options.shards == options.shard ? 1 : 0;
    if (!stop.stop_requested()) total_.store(items, std::memory_order_relaxed);
  } catch (const Error&) {
    // The run itself meets the same fault and reports it; the progress line just has no total.
  }
}

}  // namespace forebay::cli
