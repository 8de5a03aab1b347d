#include "pipeline/cli/notice_printer.h"

#include <fmt/format.h>

#include <utility>

#include "host/limits.h"

namespace forebay::cli {

void NoticePrinter::print(const RunStats& stats) {
  const auto now = std::chrono::steady_clock::now();
  if (now - refilled_ >= std::chrono::seconds(1)) {
    refilled_ = now;
    allowed_ = lines_a_second;
  }
  for (; seen_ < stats.notices.size(); ++seen_) {
    if (allowed_ == 0) {
      ++left_out_;
      continue;
    }
    --allowed_;
    console_.line(stats.notices[seen_].text);
  }
  print_waits(stats);
}

void NoticePrinter::print_waits(const RunStats& stats) {
  const double from_s = std::chrono::duration<double>(limits::stall_report).count();
  std::set<std::string> waiting;
  for (const Wait& wait : stats.waits) {
    if (wait.seconds < from_s) continue;
    waiting.insert(wait.who);
    // Of two that wait for the same thing one is seen first: that does not silence the other, which knows it.
    if (!waits_said_.contains(wait.who))
      console_.line(fmt::format("{} has waited {:.0f} s for {}", wait.who, wait.seconds, wait.what));
  }
  waits_said_ = std::move(waiting);
}

void NoticePrinter::finish(const RunStats& stats) {
  print(stats);
  const std::uint64_t more = left_out_ + (stats.notices_total - stats.notices.size());
  if (more > 0)
    console_.line(
        fmt::format("and {} more of the kind; summary.json has the first {}", more, stats.notices.size()));
}

}  // namespace forebay::cli
