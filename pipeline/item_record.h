#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/decode/item_error.h"
#include "pipeline/quarantine.h"
#include "pipeline/source/source_mark.h"

namespace forebay {

/// What became of one input: a line of items.jsonl. `row` counts delivered rows from 0 over the whole run.
struct ItemRecord {
  std::uint64_t index = 0;  ///< position in the plan, from 0 over all epochs
  std::uint64_t item = 0;   ///< number of its entry in the source; differs from index where the plan
                            ///< has epochs, a shuffle or shards
  std::uint64_t epoch = 0;
  SourceMark mark;                   ///< where the source goes on, see DoneItems
  std::string path;                  ///< as the source names it; bytes, not necessarily UTF-8
  std::optional<std::string> label;  ///< sub-folder of a folder source
  std::optional<std::uint64_t> row;  ///< none for a failed item
  ItemErrorCode error = ItemErrorCode::none;
  std::string message;         ///< of the error; empty if none
  std::uint32_t warnings = 0;  ///< decoder warnings
  std::uint32_t attempts = 1;  ///< how often a worker began the item
  std::uint32_t width = 0;     ///< upright pixels; 0 where the header could not be read
  std::uint32_t height = 0;
  std::shared_ptr<const Quarantine> quarantine;  ///< of an item that was given up; null for all others

  [[nodiscard]] bool ok() const noexcept { return error == ItemErrorCode::none; }
};

}  // namespace forebay
