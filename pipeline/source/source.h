#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/source/source_mark.h"

namespace forebay {

/// One entry of a source. The views are valid until the next call of the source that gave it.
struct SourceEntry {
  std::string_view path;   ///< path to open; empty for a source without files (a range)
  std::string_view label;  ///< empty: none
};

/// Where items come from: streamed, so that a run starts before the source is fully known. Used by one
/// thread, but for interrupt().
class Source {
 public:
  virtual ~Source() = default;
  /// The next entry, or nothing at the end. May block on the file system. Throws Error(io | usage).
  [[nodiscard]] virtual std::optional<SourceEntry> next() = 0;
  /// Makes a next() that waits for a pipe, and all that follow, return nothing: the run is being stopped.
  /// Thread-safe, never blocks.
  virtual void interrupt() noexcept {}
  /// The place behind the entry that next() gave last; not valid() where seek() could not find it again.
  [[nodiscard]] virtual SourceMark mark() const { return {}; }
  /// Equal for two sources where the marks of one hold in the other, because nothing has changed in between.
  /// Empty: they never do.
  [[nodiscard]] virtual std::string identity() const { return {}; }
  /// Goes to a mark of a source with the same identity(), so that next() gives the entry behind it, without
  /// reading what lies before. False, and nothing has happened, where that cannot be done. Throws Error(io).
  [[nodiscard]] virtual bool seek([[maybe_unused]] const SourceMark& mark) { return false; }
  /// The total number of entries where it is known without a scan.
  [[nodiscard]] virtual std::optional<std::uint64_t> size_hint() const { return std::nullopt; }
  /// False where items have no file to open: host stages make their content.
  [[nodiscard]] virtual bool has_files() const { return true; }
  /// One line on what was left out ("3 files with other suffixes"); empty if nothing.
  [[nodiscard]] virtual std::string note() const { return {}; }
};

/// The sources of a command line in order: a file, a folder (recursive, sorted, sub-folder = label), or
/// `@list.txt`. Checks now that each exists; throws Error(usage) with one clear line otherwise.
[[nodiscard]] std::unique_ptr<Source> open_sources(const std::vector<std::string>& sources);

/// `count` items without files: host stages make their content.
[[nodiscard]] std::unique_ptr<Source> make_range_source(std::uint64_t count);

}  // namespace forebay
