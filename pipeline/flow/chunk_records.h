#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/flow/chunk.h"
#include "pipeline/item_record.h"

namespace forebay {

/// Whether the item at `position` of a finished chunk yields a row.
[[nodiscard]] bool item_succeeded(const Chunk& chunk, std::uint32_t position) noexcept;

/// What became of the item at `position`; its row is numbered at delivery.
[[nodiscard]] ItemRecord make_record(const Chunk& chunk, std::uint32_t position);

}  // namespace forebay
