#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "pipeline/sink/commit_record.h"
#include "pipeline/sink/input_file.h"

namespace forebay {

/// What commit.log begins with; the last byte is the format's number.
inline constexpr std::array<unsigned char, 8> commit_log_head{0xFE, 'F', 'B', 'L', 'O', 'G', '\n', 1};

/// Reads commit.log from its end, whatever it was cut at, overwritten with, or whatever was appended.
class CommitLogReader {
 public:
  struct Found {
    CommitRecord record;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  /// Throws Error(usage) where it is no such log, one of another format, or has no good manifest: with
  /// --force as the remedy; Error(environment | io) where it cannot be read.
  explicit CommitLogReader(const std::string& path);

  [[nodiscard]] const std::string& manifest() const noexcept { return manifest_; }
  [[nodiscard]] std::uint32_t log_id() const noexcept { return log_id_; }
  /// Where the manifest ends: where the first record begins.
  [[nodiscard]] std::uint64_t first() const noexcept { return first_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return file_.size(); }

  /// The newest good record that ends at `end` or before; nothing where only the manifest is left. A read or
  /// two where the file ends with a record, however long it is.
  [[nodiscard]] std::optional<Found> newest(std::uint64_t end) const;
  /// The record that begins there; nothing where there is no good one.
  [[nodiscard]] std::optional<Found> at(std::uint64_t begin) const;

 private:
  InputFile file_;
  std::string manifest_;
  std::uint32_t log_id_ = 0;
  std::uint64_t first_ = 0;
};

}  // namespace forebay
