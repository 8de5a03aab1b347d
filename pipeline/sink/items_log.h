#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/item_record.h"
#include "pipeline/sink/commit_record.h"
#include "pipeline/sink/output_file.h"
#include "pipeline/sink/resume_point.h"

namespace forebay {

/// Which keys a line has. sampled: also item and epoch, after index, where the position does not say these.
enum class LineKeys : std::uint8_t { plain, sampled };

/// Appends the line of items.jsonl for one item, newline included. Keys: index, path, label (or null), row
/// (or null), status ("ok", "error"), error (null or {code, message}), warnings, attempts, width, height.
void append_item_line(std::string& out, const ItemRecord& item, LineKeys keys = LineKeys::plain);

/// items.jsonl: a line per position, in their order. Those that come before their predecessors are held back,
/// as text, up to limits::items_held_bytes. One write per batch; after the death of any process the file ends
/// at a batch or, at worst, has one unfinished line. Not thread-safe.
class ItemsLog {
 public:
  /// Creates an empty file. `source_identity`: of the source that the records' marks are of. Throws as
  /// OutputFile does.
  explicit ItemsLog(std::string path, std::string source_identity = {}, LineKeys keys = LineKeys::plain)
      : file_(std::move(path), std::span<const std::byte>()),
        keys_(keys),
        source_identity_(std::move(source_identity)) {}
  /// Goes on with a file where `state` says, with lines that wait, and cuts off what follows. Throws
  /// Error(usage) where no line ends there; else as OutputFile does.
  ItemsLog(std::string path, const CommitState& state, HeldBlocks held, std::string source_identity = {},
           LineKeys keys = LineKeys::plain);

  /// Takes records in the order of their positions; each position comes once, over all calls. `record` is
  /// where commit.log will speak of these. Throws Error(no_space | io), the file then ends at a whole line;
  /// Error(protocol) where more is to be held back than the limit allows.
  void append(std::span<const ItemRecord> items, std::uint64_t record = 0);

  /// The lines of append(..., record) that still wait.
  [[nodiscard]] std::vector<LineBlock> held_of(std::uint64_t record) const;
  /// Says where the file stands: its end, the watermark, the entries' digest and place, what waits.
  void describe(CommitState& state) const;

  /// Writes what is still held back, in order, though lines before it never came (an interrupted run). The
  /// last call.
  void finish();

  /// See OutputFile.
  void sync() { file_.sync(); }

  /// The position whose line comes next.
  [[nodiscard]] std::uint64_t watermark() const noexcept { return watermark_; }

  /// Lines written so far, in this session.
  [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }

 private:
  void write_ready();
  void write(const std::string& lines);

  OutputFile file_;
  LineKeys keys_;
  std::uint64_t size_ = 0;  // bytes of whole lines in the file
  std::uint64_t lines_ = 0;
  std::uint64_t watermark_ = 0;  // the position whose line comes next
  EntryHash entry_hash_;         // of the positions before it
  SourcePlace source_;           // behind these
  std::string source_identity_;  // in this session
  HeldBlocks held_;
  std::size_t held_bytes_ = 0;
};

}  // namespace forebay
