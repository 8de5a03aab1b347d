#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "pipeline/item_record.h"
#include "pipeline/sink/output_file.h"

namespace forebay {

/// Appends the line of quarantine.jsonl for an item that was given up, newline included. Keys: index, path,
/// label (or null), code, how, signal (or null), exit_code (or null), attempts, last_step, seconds, cpu_s,
/// peak_rss_bytes, sha256 (or null), file_bytes (or null).
void append_quarantine_line(std::string& out, const ItemRecord& item);

/// quarantine.jsonl: a line per item that was given up, in the order of delivery. The file comes into being
/// with the first. Not thread-safe.
class QuarantineLog {
 public:
  explicit QuarantineLog(std::string path) : path_(std::move(path)) {}

  /// Throws Error(no_space | io), the file then ends at a whole line.
  void append(std::span<const ItemRecord> items);

 private:
  std::string path_;
  std::optional<OutputFile> file_;
  std::uint64_t size_ = 0;
};

}  // namespace forebay
