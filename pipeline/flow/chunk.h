#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/decode/item_error.h"
#include "pipeline/flow/slot_layout.h"
#include "pipeline/flow/slot_table.h"
#include "pipeline/quarantine.h"
#include "pipeline/source/source_mark.h"

namespace forebay {

/// An item as planned, while it is under way. Lives in the coordinator's private memory.
struct PlannedItem {
  std::string path;
  std::string label;
  std::uint64_t index = 0;                     ///< position in the plan, see ItemRecord
  std::uint64_t item = 0;                      ///< number of its entry in the source
  SourceMark mark;                             ///< behind that entry
  std::uint32_t attempts = 0;                  ///< how often a worker began it
  std::uint32_t deaths = 0;                    ///< attempts that ended its worker
  std::uint32_t charge = 0;                    ///< what they weigh, see Blame
  bool signalled = false;                      ///< one of them by a signal
  ItemErrorCode failed = ItemErrorCode::none;  ///< decided by the coordinator: not opened, or quarantined
  std::string message;
  std::shared_ptr<const Quarantine> quarantine;  ///< the evidence, where it was quarantined
};

/// Consecutive items of one batch that share a slot: the unit of dispatch, retry and delivery. Batches and
/// items are numbered from 0 without gaps in this run; a run that goes on from an earlier one leaves out what
/// is done, so its items have other positions in the plan.
struct Chunk {
  std::uint64_t batch = 0;
  std::uint64_t first_item = 0;
  std::uint64_t epoch = 0;
  std::vector<PlannedItem> items;
  /// Validated private copies of what the worker finished: positions [0, finished.size()).
  std::vector<ItemDescriptor> finished;

  /// The slot that holds the chunk; nothing before dispatch and after the slot has been read.
  std::optional<Lease> lease;

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(items.size()); }
  [[nodiscard]] std::uint64_t end_item() const noexcept { return first_item + items.size(); }
  [[nodiscard]] std::uint64_t payload_used() const noexcept {
    return finished.empty() ? 0 : finished.back().payload_end;
  }
};

}  // namespace forebay
