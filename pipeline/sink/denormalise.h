#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "device/ops/finish.h"

namespace forebay {

/// Undoes the last operator for one finished row: `out` takes height x width x 3 interleaved 8-bit pixels.
/// Values are rounded to the nearest level and clamped, so for f32, f16 and u8 the pixels are those that went
/// in (bf16: within one level).
void denormalise_row(const FinishOptions& finish, const std::byte* row, std::span<std::uint8_t> out);

}  // namespace forebay
