#pragma once

#include <cstdint>

#include "device/ops/portable.h"

/// The arithmetic of one resampled output, shared by every path and backend: equal bits by construction.
namespace forebay::passes {

/// Which inputs an output may read, whatever the table says.
struct Window {
  std::uint32_t first;
  std::uint32_t count;
};

[[nodiscard]] FOREBAY_HD inline Window clamp_window(std::int32_t first, std::int32_t count,
                                                    std::uint32_t inputs, std::uint32_t taps) noexcept {
  if (first < 0 || count <= 0 || static_cast<std::uint32_t>(first) >= inputs) return {0, 0};
  const std::uint32_t room = inputs - static_cast<std::uint32_t>(first);
  auto allowed = static_cast<std::uint32_t>(count);
  if (allowed > room) allowed = room;
  if (allowed > taps) allowed = taps;
  return {static_cast<std::uint32_t>(first), allowed};
}

/// Pillow's clip8: the fixed-point sum, rounded (the sum began with `rounding`), to 8 bits. Sums wrap as
/// Pillow's do.
[[nodiscard]] FOREBAY_HD inline std::uint8_t clip8(std::uint32_t sum) noexcept {
  const std::int32_t value = static_cast<std::int32_t>(sum) >> 22;
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

inline constexpr std::uint32_t rounding = 1U << 21U;

}  // namespace forebay::passes
