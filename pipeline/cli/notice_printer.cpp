#include "pipeline/cli/notice_printer.h"

#include <fmt/format.h>

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
}

void NoticePrinter::finish(const RunStats& stats) {
  print(stats);
  const std::uint64_t more = left_out_ + (stats.notices_total - stats.notices.size());
  if (more > 0)
    console_.line(
        fmt::format("and {} more of the kind; summary.json has the first {}", more, stats.notices.size()));
}

}  // namespace forebay::cli
