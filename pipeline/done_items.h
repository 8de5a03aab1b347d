#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/source/entry_hash.h"
#include "pipeline/source/source_mark.h"

namespace forebay {

/// Positions [begin, end) of a plan.
struct PositionRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  friend bool operator==(const PositionRange&, const PositionRange&) = default;
};

/// What an earlier run of the same plan has delivered, and what this one therefore leaves out.
struct DoneItems {
  /// Ascending, disjoint, not adjacent, none empty. More than one only after a run in completion order.
  std::vector<PositionRange> ranges;
  /// Of the entries of the first range, if that begins at 0: what the source must still begin with.
  EntryHash prefix;
  /// Where the source goes on behind them, so that they need not be read and compared: holds if the source is
  /// the very same, see Source::identity(). `entries`: of the source, up to there.
  SourceMark mark;
  std::string source_identity;
  std::uint64_t entries = 0;
  /// That were delivered for these: ItemRecord.row goes on from here.
  std::uint64_t rows = 0;
};

}  // namespace forebay
