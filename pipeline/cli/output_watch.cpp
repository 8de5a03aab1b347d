#include "pipeline/cli/output_watch.h"

#include <chrono>
#include <system_error>

namespace forebay::cli {
namespace {

constexpr std::chrono::milliseconds look_interval{500};

}  // namespace

OutputWatch::OutputWatch(Console& console, bool watches) : notices_(console) {
  if (!watches) return;
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  } catch (const std::system_error&) {
    return;
  }
}

void OutputWatch::run(const std::stop_token& stop) {
  RunStats stats;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, look_interval, [] { return false; });
    stats.waits = waits_.waits();
    notices_.print(stats);
  }
}

}  // namespace forebay::cli
