#include "pipeline/item.h"

#include <fmt/format.h>

#include "pipeline/decode/item_error.h"

namespace forebay {

TensorView Item::emplace(DType dtype, std::initializer_list<std::int64_t> shape) {
  if (shape.size() > tensor_rank_max) {
    throw ItemFailure(ItemErrorCode::stage_failed, fmt::format("a tensor of rank {} is above the limit of {}",
                                                               shape.size(), tensor_rank_max));
  }
  std::uint64_t bytes = size_of(dtype);
  for (const std::int64_t dim : shape) {
    if (dim < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(dim), &bytes)) {
      throw ItemFailure(ItemErrorCode::stage_failed,
                        "a tensor's dimension is negative or its size overflows");
    }
  }
  if (bytes > room_.size()) {
    throw ItemFailure(ItemErrorCode::too_large,
                      fmt::format("the stage's tensor takes {} bytes, the slot has room for {}; "
                                  "raise slot_bytes (--slot-mb)",
                                  bytes, room_.size()));
  }
  tensor_ = contiguous_view(room_.data(), dtype, {shape.begin(), shape.size()});
  return tensor_;
}

}  // namespace forebay
