#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/source/source.h"

namespace forebay {

/// All entries of a source, for a plan that goes through them more than once or out of order: every path
/// once, behind each other, and 12 bytes more each. Read-only once built; then thread-safe.
class PathTable {
 public:
  /// Reads the source to its end. Blocks; interrupt() of the source ends it early. Entries of a source
  /// without files are counted, not stored. Throws Error(io | usage) as the source does.
  explicit PathTable(Source& source);

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Precondition: entry < size(). Valid as long as the table.
  [[nodiscard]] SourceEntry at(std::uint64_t entry) const noexcept;

 private:
  std::uint64_t size_ = 0;
  std::string paths_;
  std::vector<std::uint64_t> ends_;      // of each path in paths_; empty where there are no files
  std::vector<std::uint32_t> label_of_;  // in labels_; empty where no entry has a label
  std::vector<std::string> labels_{{}};  // each once; the first is none
};

}  // namespace forebay
