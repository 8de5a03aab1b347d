#pragma once

#include <string>

#include "pipeline/cli/console.h"
#include "pipeline/item_record.h"
#include "pipeline/sink/run_output.h"
#include "pipeline/sink/summary.h"

namespace forebay::cli {

/// "item 17 (photos/a.jpg) failed: truncated: ends in the middle of a scan".
[[nodiscard]] std::string failure_text(const ItemRecord& item);

/// What an unfinished run leaves: "interrupted; kept 128 rows of 130 items in out/; the same command with
/// --resume goes on". `output` may be null.
[[nodiscard]] std::string kept_text(const RunSummary& summary, const RunOutput* output);

/// The closing report for a person, with what the sources left out. `output` may be null. Goes to stdout, or
/// to stderr where stdout belongs to --json.
void print_report(const RunSummary& summary, const std::string& source_note, const RunOutput* output,
                  bool json, Console& console);

/// summary.json to stdout. Throws Error(io) where it cannot be written.
void print_json(const RunSummary& summary);

/// Writes all of `text` and flushes. Throws Error(io): the reader of a pipe is gone, a disk is full.
void print_to_stdout(const std::string& text);

/// "1.4 GB", "602 kB": decimal units.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace forebay::cli
