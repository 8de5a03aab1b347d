#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "pipeline/item_record.h"
#include "pipeline/sink/output_file.h"

namespace forebay {

/// Appends the line of items.jsonl for one item, newline included. Keys: index, path, label (or null), row
/// (or null), status ("ok", "error"), error (null or {code, message}), warnings, attempts, width, height.
void append_item_line(std::string& out, const ItemRecord& item);

/// items.jsonl: a line per input in index order. Batches that arrive before their predecessors are held back,
/// as text, up to limits::items_held_bytes. One write per batch; after the death of any process the file ends
/// at a batch or, at worst, has one unfinished line. Not thread-safe.
class ItemsLog {
 public:
  /// Creates an empty file. Throws as OutputFile does.
  explicit ItemsLog(std::string path);

  /// Takes the records of batch `sequence` (every number from 0 comes once, in any order) in item order.
  /// Throws Error(no_space | io), the file then ends at a whole line; Error(protocol) where more is to be
  /// held back than the limit allows.
  void append(std::uint64_t sequence, std::span<const ItemRecord> items);

  /// Writes what is still held back, in order, though batches before it never came (an interrupted run).
  void finish();

  /// Lines written so far.
  [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }

 private:
  struct Block {
    std::string text;
    std::uint64_t lines = 0;
  };
  void write(const Block& block);

  OutputFile file_;
  std::uint64_t size_ = 0;  // bytes of whole lines in the file
  std::uint64_t lines_ = 0;
  std::uint64_t next_sequence_ = 0;  // the batch whose lines come next
  std::map<std::uint64_t, Block> held_;
  std::size_t held_bytes_ = 0;
};

}  // namespace forebay
