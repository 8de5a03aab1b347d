#include "pipeline/cli/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "host/error.h"

namespace forebay::cli {
namespace {

std::string errors_text(const RunStats& stats) {
  std::string text;
  for (const auto& [code, count] : stats.errors) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, code);
  }
  return text;
}

/// "workers 0.62 GB" would mislead: pages that processes share are counted in each.
std::string memory_text(const RunSummary& summary) {
  std::uint64_t worker_peak = 0;
  for (const WorkerStats& worker : summary.stats.workers)
    worker_peak = std::max(worker_peak, worker.peak_rss_bytes);
  return fmt::format("slots and buffers {}; peak resident: coordinator {}, a worker {}",
                     bytes_text(summary.stats.arena_bytes), bytes_text(summary.coordinator_peak_rss_bytes),
                     bytes_text(worker_peak));
}

std::string results_text(const RunOutput& output) {
  std::string text;
  for (const std::string_view name : RunOutput::names) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(output.folder() / name, error);
    if (error) continue;
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", name, bytes_text(bytes));
  }
  return fmt::format("{}: {}", output.folder().string(), text);
}

}  // namespace

void print_to_stdout(const std::string& text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw os_error(errno == 0 ? EIO : errno, "write to stdout", {}, ErrorCode::io);
  }
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> units{"B", "kB", "MB", "GB", "TB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < units.size(); ++unit) value /= 1000;
  return fmt::format(fmt::runtime(value < 9.95 ? "{:.1f} {}" : "{:.0f} {}"), value, units[unit]);
}

std::string failure_text(const ItemRecord& item) {
  return fmt::format("item {} ({}) failed: {}: {}", item.index, item.path, to_string(item.error),
                     item.message);
}

std::string kept_text(const RunSummary& summary, const RunOutput* output) {
  const RunStats& stats = summary.stats;
  const std::string_view why = summary.interrupted ? "interrupted" : "ended early";
  if (output == nullptr) return fmt::format("{} after {} items", why, stats.items_done);
  return fmt::format("{}; kept {} rows of {} items in {}; the same command with --resume goes on", why,
                     stats.rows, stats.items_done, output->folder().string());
}

void print_report(const RunSummary& summary, const std::string& source_note, const RunOutput* output,
                  bool json, Console& console) {
  const RunStats& stats = summary.stats;
  const std::uint64_t now = stats.items_done - stats.items_before;
  const std::string resumed = summary.resumed_at ? fmt::format(", {} of them now,", now) : "";
  std::string text =
      fmt::format("{} rows of {} items{} in {:.2f} s: {:.0f} items/s, first batch after {:.3f} s\n",
                  stats.rows, stats.items_done, resumed, stats.seconds,
                  stats.seconds > 0 ? static_cast<double>(now) / stats.seconds : 0.0, stats.first_batch_s);
  if (!stats.errors.empty()) text += fmt::format("errors    {}\n", errors_text(stats));
  if (stats.warnings > 0) text += fmt::format("warnings  {} of decoders, see items.jsonl\n", stats.warnings);
  if (stats.rows == 0) text += "note      no item succeeded: there are no rows\n";
  if (!source_note.empty()) text += fmt::format("note      {}\n", one_line(source_note));
  text += fmt::format("memory    {}\n", memory_text(summary));
  if (output != nullptr) text += fmt::format("results   {}\n", results_text(*output));
  console.clear_status();
  if (json) {
    text.pop_back();
    console.text(text);
  } else {
    print_to_stdout(text);
  }
}

void print_json(const RunSummary& summary) { print_to_stdout(summary_json(summary)); }

}  // namespace forebay::cli
