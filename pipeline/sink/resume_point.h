#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "pipeline/done_items.h"
#include "pipeline/sink/commit_record.h"

namespace forebay {

/// A block of lines that waits for an earlier item's, and the place of its record in commit.log.
struct HeldBlock {
  LineBlock block;
  std::uint64_t record = 0;
};
/// By first position.
using HeldBlocks = std::map<std::uint64_t, HeldBlock>;

/// How large the files of a run are; nothing for one that is missing.
struct FileSizes {
  std::optional<std::uint64_t> tensors;
  std::optional<std::uint64_t> items;
  std::optional<std::uint64_t> quarantine;
};

/// Where a run can go on: the newest record of its log that its files bear out.
struct ResumePoint {
  std::string manifest;
  std::uint64_t log_begin = 0;       ///< where the manifest ends
  std::uint64_t log_end = 0;         ///< what lies beyond is not counted on
  std::optional<CommitState> state;  ///< none: nothing was committed
  HeldBlocks held;
  bool complete = false;  ///< nothing was left to do

  /// For PipelineConfig.
  [[nodiscard]] DoneItems done() const;
};

/// Reads the log: one record, and those whose lines wait, however long it is. Blocks. Throws Error(usage) for
/// a log that cannot be used, and where a file that records speak of is missing; Error(environment | io).
[[nodiscard]] ResumePoint find_resume_point(const std::string& log, const FileSizes& sizes);

}  // namespace forebay
