#pragma once

#include <cstdint>

#include "pipeline/flow/slot_layout.h"

namespace forebay {

/// What every descriptor of a run must agree with.
struct DescriptorLimits {
  std::uint64_t payload_bytes = 0;  ///< of one slot
  std::uint32_t crop = 0;           ///< edge of a prepared picture, outputs of a resample table
};

/// Whether a private copy of a descriptor may be acted upon: the item it names, kind, ranges within the
/// payload, sizes that agree with shapes. `payload_begin` is where the previous item ended. A worker that
/// fails this check is broken and is replaced. Pure; never trusts an arithmetic that could overflow.
[[nodiscard]] bool descriptor_is_valid(const ItemDescriptor& descriptor, const DescriptorLimits& limits,
                                       std::uint64_t index, std::uint64_t payload_begin) noexcept;

}  // namespace forebay
