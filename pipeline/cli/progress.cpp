#include "pipeline/cli/progress.h"

#include <chrono>

namespace forebay::cli {
namespace {

constexpr std::chrono::milliseconds redraw_interval{100};
constexpr std::chrono::milliseconds notice_interval{500};
constexpr unsigned log_rounds = 10;  // a log line every five seconds

}  // namespace

Progress::Progress(Console& console, const Pipeline& pipeline, const std::vector<std::string>& sources,
                   const PipelineOptions& options)
    : console_(console), pipeline_(pipeline), notices_(console) {
  // Else the plan itself knows the total at once.
  if (console_.terminal() && !sampling_of(options).needs_all()) counter_.emplace(sources, options);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Progress::~Progress() {
  thread_.request_stop();
  thread_.join();
  notices_.finish(pipeline_.stats());
  console_.clear_status();
}

void Progress::run(const std::stop_token& stop) {
  rates_.add(pipeline_.stats());
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, console_.terminal() ? redraw_interval : notice_interval, [] { return false; });
    if (!stop.stop_requested()) show();
  }
}

void Progress::show() {
  const RunStats stats = pipeline_.stats();
  notices_.print(stats);
  if (!console_.terminal() && ++rounds_ % log_rounds != 0) return;
  rates_.add(stats);
  std::optional<std::uint64_t> total;
  if (stats.plan_complete) {
    total = stats.items_planned;
  } else if (counter_) {
    total = counter_->total();
  }
  const std::string text = progress_text(stats, total, rates_, console_.terminal());
  if (console_.terminal()) {
    console_.status(text);
  } else {
    console_.log(text);
  }
}

}  // namespace forebay::cli
