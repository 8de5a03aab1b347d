#include "pipeline/flow/chunk_records.h"

#include <algorithm>

#include "pipeline/flow/messages.h"

namespace forebay {

bool item_succeeded(const Chunk& chunk, std::uint32_t position) noexcept {
  return chunk.items[position].failed == ItemErrorCode::none &&
         chunk.finished[position].error == ItemErrorCode::none;
}

ItemRecord make_record(const Chunk& chunk, std::uint32_t position) {
  const PlannedItem& item = chunk.items[position];
  const ItemDescriptor& descriptor = chunk.finished[position];
  ItemRecord record;
  record.index = item.index;
  record.item = item.item;
  record.epoch = chunk.epoch;
  record.mark = item.mark;
  record.path = item.path;
  if (!item.label.empty()) record.label = item.label;
  record.attempts = item.attempts;
  if (item.failed != ItemErrorCode::none) {
    record.error = item.failed;
    record.message = item.message;
    record.quarantine = item.quarantine;
    return record;
  }
  record.error = descriptor.error;
  record.message = text_of(descriptor.message);
  record.warnings = descriptor.warnings;
  record.width = descriptor.width;
  record.height = descriptor.height;
  return record;
}

}  // namespace forebay
