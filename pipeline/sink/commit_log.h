#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/sink/commit_record.h"
#include "pipeline/sink/output_file.h"
#include "pipeline/sink/resume_point.h"

namespace forebay {

/// commit.log: what decides whether an item is done. A head, the manifest (what the run was asked for), then
/// a record per batch, written after everything that it speaks of. Append-only. Not thread-safe.
class CommitLog {
 public:
  /// Creates it, in the place of a former one, with its manifest. Throws as OutputFile does.
  CommitLog(std::string path, std::string_view manifest);
  /// Goes on with it where `point` says, and cuts off what follows. Throws as OutputFile does.
  CommitLog(std::string path, const ResumePoint& point);

  /// Makes sure that a record of so many bytes beyond the usual finds space. Throws Error(no_space | io).
  void reserve(std::size_t held_bytes);

  /// One write. Throws Error(no_space | io), the log then ends with the record before.
  void append(const CommitRecord& record);

  /// To the disk, with all that it needs to be read again. Blocks. Throws Error(io).
  void sync() { file_.sync(); }

  /// Where the next record will begin.
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }

  /// Gives reserved space back. Throws Error(io).
  void finish() { file_.cut(end_); }

 private:
  OutputFile file_;
  std::uint32_t log_id_;
  std::uint64_t end_;
  std::uint64_t reserved_ = 0;
};

}  // namespace forebay
