#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "device/backend.h"
#include "device/tensor_view.h"
#include "host/limits.h"
#include "pipeline/decode/item_error.h"
#include "pipeline/flow/item_step.h"

/// The bytes of a strip, as docs/memory-layout.md draws them. Both sides of an exec are the same build, but a
/// replaced file or a stale process must be noticed: bump slot_layout_version with every change here.
namespace forebay {

inline constexpr std::uint32_t strip_magic = 0x53424631;  // "1FBS"
inline constexpr std::uint32_t slot_layout_version = 2;
inline constexpr std::size_t page_bytes = 4096;

/// What an item left in its slot.
enum class ItemKind : std::uint8_t {
  failed = 0,    ///< nothing; error and message say why
  region = 1,    ///< decoded RGB of a region and two resample tables: the owner resamples it
  prepared = 2,  ///< RGB of the result's size
  tensor = 3,    ///< any dtype and shape, made by a host stage
};

/// One item of a chunk. Written by the worker, copied once by the coordinator and validated there.
/// Offsets are bytes from the start of the slot's payload.
struct ItemDescriptor {
  std::uint64_t index = 0;
  ItemKind kind = ItemKind::failed;
  DType dtype = DType::u8;
  std::uint8_t rank = 0;
  std::uint8_t fallback = 0;  ///< 1: too large for the slot as a region, so prepared in the worker
  ItemErrorCode error = ItemErrorCode::none;
  std::uint16_t reserved = 0;
  std::array<std::int64_t, tensor_rank_max> shape{};
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;        ///< of pixels or tensor at `offset`
  std::uint64_t payload_end = 0;  ///< where the next item of the slot may begin
  std::uint32_t horizontal = 0;   ///< resample table, see ItemOp
  std::uint32_t horizontal_taps = 0;
  std::uint32_t vertical = 0;
  std::uint32_t vertical_taps = 0;
  std::uint32_t width = 0;  ///< of the upright full picture
  std::uint32_t height = 0;
  std::uint32_t warnings = 0;
  std::uint32_t read_us = 0;
  std::uint32_t decode_us = 0;
  std::uint32_t prepare_us = 0;
  std::uint32_t stage_us = 0;
  std::uint32_t reserved2 = 0;
  std::uint64_t decoded_bytes = 0;
  std::array<char, 96> message{};  ///< zero-terminated
};
static_assert(sizeof(ItemDescriptor) == 256, "the slot layout is versioned: bump slot_layout_version");

struct SlotHeader {
  std::uint64_t generation = 0;  ///< of the lease that the worker filled; checked against the private table
  std::uint64_t first_item = 0;
  std::uint32_t count = 0;  ///< items that the worker finished
  std::uint32_t reserved = 0;
  std::array<std::byte, 40> pad{};
};
static_assert(sizeof(SlotHeader) == 64);

/// Which item of which lease is in work, and what is done with it. The item at `position` may be one past the
/// last: then the whole job is done.
struct Progress {
  std::uint64_t generation = 0;  ///< 48 bits of it: one lease a microsecond for nine years
  ItemStep step = ItemStep::begin;
  std::uint8_t position = 0;
  bool out_of_memory = false;  ///< at this step, under --item-memory-mb or without: the worker ends

  [[nodiscard]] constexpr std::uint64_t word() const noexcept {
    return generation << 16U | std::uint64_t{out_of_memory} << 15U |
           std::uint64_t{static_cast<std::uint8_t>(step)} << 8U | position;
  }
  [[nodiscard]] static constexpr Progress of(std::uint64_t word) noexcept {
    return {word >> 16U, static_cast<ItemStep>(word >> 8U & 0x7FU), static_cast<std::uint8_t>(word & 0xFFU),
            (word >> 15U & 1U) != 0};
  }
};

struct StripHeader {
  std::uint32_t magic = strip_magic;
  std::uint32_t version = slot_layout_version;
  std::uint32_t slots = 0;
  std::uint32_t reserved = 0;
  std::uint64_t payload_bytes = 0;
  std::array<std::byte, 40> pad{};
  /// A Progress: the item in work. Written by the worker (release), read by the coordinator (acquire): after
  /// the worker's exit is confirmed it names the item that the death is charged to; before, whether it moves.
  alignas(64) std::uint64_t progress = 0;
};

/// Where things lie in a strip of `slots` slots with `payload_bytes` of payload each.
struct StripLayout {
  std::uint32_t slots = 0;
  std::uint64_t payload_bytes = 0;

  static constexpr std::uint64_t head_bytes =
      (sizeof(SlotHeader) + chunk_items_max * sizeof(ItemDescriptor) + page_bytes - 1) / page_bytes *
      page_bytes;

  [[nodiscard]] constexpr std::uint64_t stride() const noexcept {
    return head_bytes + (payload_bytes + page_bytes - 1) / page_bytes * page_bytes;
  }
  [[nodiscard]] constexpr std::uint64_t slot_offset(std::uint32_t slot) const noexcept {
    return page_bytes + slot * stride();
  }
  [[nodiscard]] constexpr std::uint64_t bytes() const noexcept { return page_bytes + slots * stride(); }
};

/// The next place in a payload where an item may begin.
[[nodiscard]] constexpr std::uint64_t align_payload(std::uint64_t offset) noexcept {
  return (offset + limits::payload_alignment - 1) / limits::payload_alignment * limits::payload_alignment;
}

}  // namespace forebay
