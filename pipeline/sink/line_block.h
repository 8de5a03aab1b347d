#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/done_items.h"
#include "pipeline/source/entry_hash.h"
#include "pipeline/source/source_mark.h"

namespace forebay {

/// The lines of items.jsonl for consecutive positions, and their entries as the source named them, for the
/// digest: a line is UTF-8, which a path need not be.
struct LineBlock {
  struct Entry {
    std::string path;
    std::string label;  ///< empty: none
  };
  PositionRange positions;
  std::string lines;
  std::vector<Entry> entries;
  SourceMark mark;                   ///< of the last of them; none if another session wrote it
  std::uint64_t source_entries = 0;  ///< of the source, up to there

  void add_to(EntryHash& hash) const {
    for (const Entry& entry : entries) hash.add(entry.path, entry.label);
  }
  /// What it takes while it is held back.
  [[nodiscard]] std::size_t bytes() const {
    std::size_t bytes = lines.size();
    for (const Entry& entry : entries) bytes += sizeof(Entry) + entry.path.size() + entry.label.size();
    return bytes;
  }
};

}  // namespace forebay
