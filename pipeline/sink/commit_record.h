#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pipeline/done_items.h"
#include "pipeline/sink/line_block.h"

namespace forebay {

enum class CommitKind : std::uint8_t {
  batch = 0,     ///< a batch, or the part of one that was finished
  resumed = 1,   ///< another session goes on from here
  complete = 2,  ///< the sources, or --limit, came to their end
};

/// Where a source goes on: see DoneItems.
struct SourcePlace {
  SourceMark mark;
  std::uint64_t entries = 0;
  std::string identity;
};

/// Where a run stands: all that a resumed one needs to know, so that it reads one record, not all of them.
struct CommitState {
  std::uint32_t session = 1;
  std::uint64_t items = 0;  ///< totals over all sessions
  std::uint64_t rows = 0;
  std::uint64_t warnings = 0;
  std::map<std::string, std::uint64_t> errors;  ///< code -> count
  std::uint64_t tensors_bytes = 0;              ///< the files' ends
  std::uint64_t items_bytes = 0;
  std::uint64_t quarantine_bytes = 0;
  std::uint64_t epochs_end = 0;  ///< one past the highest epoch of an item
  std::uint64_t watermark = 0;   ///< every position before this has its line in items.jsonl
  std::uint64_t entry_hash = 0;  ///< EntryHash of the positions before the watermark
  SourcePlace source;            ///< behind these
  /// Offset of the oldest record with lines that wait for an earlier item's; none: nothing waits.
  std::optional<std::uint64_t> held_from;
};

/// One record of commit.log: what was committed, and where that leaves the run.
struct CommitRecord {
  CommitKind kind = CommitKind::batch;
  CommitState state;
  std::vector<PositionRange> positions;  ///< of a batch; more than one where it spans what was done before
  std::uint64_t first_row = 0;
  std::vector<std::uint8_t> failed;  ///< of a batch: a bit per item, lowest first, 1: it has no row
  std::vector<LineBlock> held;       ///< lines that are not in items.jsonl yet
};

[[nodiscard]] std::vector<std::byte> encode_commit_record(const CommitRecord& record);
/// Nothing where the bytes are no record.
[[nodiscard]] std::optional<CommitRecord> decode_commit_record(std::span<const std::byte> bytes);

}  // namespace forebay
