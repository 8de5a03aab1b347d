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
  /// Goes on with a file that has at least `bytes` bytes, and cuts off what follows; without one for 0.
  /// Throws as OutputFile does.
  QuarantineLog(std::string path, std::uint64_t bytes);

  /// True if that created the file. Throws Error(no_space | io), the file then ends at a whole line.
  bool append(std::span<const ItemRecord> items);

  /// Takes what follows the first `bytes` bytes back. Throws Error(io).
  void roll_back(std::uint64_t bytes);

  /// See OutputFile.
  void sync() {
    if (file_) file_->sync();
  }

  [[nodiscard]] std::uint64_t bytes() const noexcept { return size_; }

 private:
  std::string path_;
  std::optional<OutputFile> file_;
  std::uint64_t size_ = 0;
};

}  // namespace forebay
