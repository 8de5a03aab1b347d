#include "pipeline/cli/progress_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "host/limits.h"

namespace forebay::cli {
namespace {

constexpr std::size_t bar_columns = 24;
constexpr double window_s = 3;

std::string bar(double share) {
  const auto done = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * bar_columns);
  std::string text(done, '=');
  if (done < bar_columns) text += '>';
  text.resize(bar_columns, ' ');
  return text;
}

std::uint64_t error_count(const RunStats& stats) {
  std::uint64_t count = 0;
  for (const auto& [code, number] : stats.errors) count += number;
  return count;
}

}  // namespace

void RateMeter::add(const RunStats& stats) {
  Sample sample;
  sample.seconds = stats.seconds;
  sample.items = stats.items_done;
  for (const WorkerStats& worker : stats.workers) sample.workers_busy_s += worker.busy_s;
  sample.owner_busy_s = stats.owner.busy_s;
  sample.workers = stats.workers.size();
  samples_.push_back(sample);
  // The window begins with the last sample that is old enough, so that it is never shorter than it could be.
  while (samples_.size() > limits::rate_samples ||
         (samples_.size() > 2 && sample.seconds - samples_[1].seconds >= window_s)) {
    samples_.pop_front();
  }
}

template <typename T>
double RateMeter::growth(T Sample::*figure) const noexcept {
  if (samples_.size() < 2) return 0;
  const double seconds = samples_.back().seconds - samples_.front().seconds;
  const auto from = static_cast<double>(samples_.front().*figure);
  const auto to = static_cast<double>(samples_.back().*figure);
  return seconds > 0 ? std::max(0.0, (to - from) / seconds) : 0;
}

double RateMeter::items_per_s() const noexcept { return growth(&Sample::items); }

double RateMeter::workers_busy() const noexcept {
  const std::size_t workers = samples_.empty() ? 0 : samples_.back().workers;
  return workers == 0 ? 0 : std::min(1.0, growth(&Sample::workers_busy_s) / static_cast<double>(workers));
}

double RateMeter::owner_busy() const noexcept { return std::min(1.0, growth(&Sample::owner_busy_s)); }

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::ceil(std::clamp(seconds, 0.0, 1e9)));
  const std::uint64_t hours = whole / 3600;
  const std::uint64_t minutes = whole / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

std::string progress_text(const RunStats& stats, std::optional<std::uint64_t> total, const RateMeter& rates,
                          bool with_bar) {
  std::string text;
  const double rate = rates.items_per_s();
  if (total && *total > 0) {
    const double share = std::min(1.0, static_cast<double>(stats.items_done) / static_cast<double>(*total));
    if (with_bar) text += fmt::format("[{}] ", bar(share));
    text += fmt::format("{:3.0f}% {}/{} items", std::floor(share * 100), stats.items_done, *total);
  } else {
    text += fmt::format("{} items", stats.items_done);
  }
  text += fmt::format("  {:.0f}/s", rate);
  if (total && rate > 0 && *total > stats.items_done) {
    text += "  ETA " + duration_text(static_cast<double>(*total - stats.items_done) / rate);
  }
  const std::uint64_t errors = error_count(stats);
  text += fmt::format("  {} {}", errors, errors == 1 ? "error" : "errors");
  text += fmt::format("  workers {:.0f}% busy", rates.workers_busy() * 100);
  if (stats.owner.present) text += fmt::format("  owner {:.0f}%", rates.owner_busy() * 100);
  return text;
}

}  // namespace forebay::cli
