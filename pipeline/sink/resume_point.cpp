#include "pipeline/sink/resume_point.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "host/error.h"
#include "pipeline/sink/commit_log_reader.h"

namespace forebay {
namespace {

/// Power may have failed between a record and what it speaks of, without --durable. A file that is not there
/// at all was taken away: that is for the user to know.
bool borne_out(std::string_view name, std::optional<std::uint64_t> size, std::uint64_t bytes) {
  if (bytes == 0) return true;
  if (!size) {
    throw Error(ErrorCode::usage,
                fmt::format("{} is missing, though commit.log counts {} bytes of it; --force starts afresh",
                            name, bytes));
  }
  return *size >= bytes;
}

bool borne_out(const CommitState& state, const FileSizes& sizes) {
  return borne_out("tensors.npy", sizes.tensors, state.tensors_bytes) &&
         borne_out("items.jsonl", sizes.items, state.items_bytes) &&
         borne_out("quarantine.jsonl", sizes.quarantine, state.quarantine_bytes);
}

/// The lines that wait at this record: in it and in those before it. False where one of these is damaged.
bool gather_held(const CommitLogReader& log, const CommitLogReader::Found& found, HeldBlocks& held) {
  held.clear();
  const CommitState& state = found.record.state;
  if (!state.held_from) return true;
  for (std::uint64_t offset = *state.held_from; offset < found.end;) {
    std::optional<CommitLogReader::Found> record = log.at(offset);
    if (!record) return false;
    for (LineBlock& block : record->record.held) {
      if (block.positions.begin < state.watermark) continue;  // written since
      block.mark = {};                                        // of the source as it was then
      held.insert_or_assign(block.positions.begin, HeldBlock{std::move(block), record->begin});
    }
    offset = record->end;
  }
  return true;
}

}  // namespace

DoneItems ResumePoint::done() const {
  DoneItems done;
  if (!state) return done;
  done.rows = state->rows;
  done.prefix = EntryHash(state->entry_hash);
  done.mark = state->source.mark;
  done.source_identity = state->source.identity;
  done.entries = state->source.entries;
  const auto add = [&done](PositionRange range) {
    if (range.begin == range.end) return;
    if (!done.ranges.empty() && done.ranges.back().end == range.begin) {
      done.ranges.back().end = range.end;
    } else {
      done.ranges.push_back(range);
    }
  };
  add({0, state->watermark});
  for (const auto& [begin, waiting] : held) add(waiting.block.positions);
  return done;
}

ResumePoint find_resume_point(const std::string& path, const FileSizes& sizes) {
  const CommitLogReader log(path);
  ResumePoint point;
  point.manifest = log.manifest();
  point.log_begin = point.log_end = log.first();
  std::optional<CommitLogReader::Found> found = log.newest(log.size());
  while (found && !(borne_out(found->record.state, sizes) && gather_held(log, *found, point.held)))
    found = log.newest(found->begin);
  if (!found) {
    point.held.clear();
    return point;
  }
  point.log_end = found->end;
  point.complete = found->record.kind == CommitKind::complete;
  point.state = std::move(found->record.state);
  return point;
}

}  // namespace forebay
