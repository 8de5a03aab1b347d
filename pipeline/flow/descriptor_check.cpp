#include "pipeline/flow/descriptor_check.h"

#include "device/ops/image_view.h"
#include "device/ops/resample_table.h"

namespace forebay {
namespace {

bool lies_within(std::uint64_t offset, std::uint64_t bytes, std::uint64_t begin, std::uint64_t end) noexcept {
  return offset >= begin && offset <= end && bytes <= end - offset;
}

bool shape_matches_bytes(const ItemDescriptor& d) noexcept {
  if (d.rank > tensor_rank_max) return false;
  std::uint64_t bytes = size_of(d.dtype);
  if (bytes == 0) return false;
  for (std::uint8_t axis = 0; axis < d.rank; ++axis) {
    if (d.shape[axis] < 0 ||
        __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(d.shape[axis]), &bytes)) {
      return false;
    }
  }
  return bytes == d.bytes;
}

bool is_rgb(const ItemDescriptor& d) noexcept {
  constexpr std::int64_t edge_max = std::int64_t{1} << 31U;
  return d.rank == 3 && d.dtype == DType::u8 && d.shape[2] == static_cast<std::int64_t>(rgb_bytes) &&
         d.shape[0] > 0 && d.shape[1] > 0 && d.shape[0] < edge_max && d.shape[1] < edge_max;
}

bool table_is_valid(std::uint32_t offset, std::uint32_t taps, std::uint32_t crop, std::uint64_t begin,
                    std::uint64_t end) noexcept {
  constexpr std::uint32_t taps_max = 1U
                                     << 20U;  // a 2^31 pixel edge needs no more for any crop that fits a slot
  return taps > 0 && taps < taps_max && offset % sizeof(std::int32_t) == 0 &&
         lies_within(offset, resample_table_words(crop, taps) * sizeof(std::int32_t), begin, end);
}

}  // namespace

bool descriptor_is_valid(const ItemDescriptor& d, const DescriptorLimits& limits, std::uint64_t index,
                         std::uint64_t payload_begin) noexcept {
  if (d.index != index || d.payload_end > limits.payload_bytes || d.payload_end < payload_begin) return false;
  if (d.kind == ItemKind::failed) return d.error != ItemErrorCode::none;
  if (d.error != ItemErrorCode::none || !shape_matches_bytes(d)) return false;
  if (!lies_within(d.offset, d.bytes, payload_begin, d.payload_end)) return false;
  switch (d.kind) {
    case ItemKind::failed:
    case ItemKind::tensor: return true;
    case ItemKind::prepared: return is_rgb(d) && d.shape[0] == limits.crop && d.shape[1] == limits.crop;
    case ItemKind::region:
      return is_rgb(d) &&
             table_is_valid(d.horizontal, d.horizontal_taps, limits.crop, payload_begin, d.payload_end) &&
             table_is_valid(d.vertical, d.vertical_taps, limits.crop, payload_begin, d.payload_end);
  }
  return false;
}

}  // namespace forebay
