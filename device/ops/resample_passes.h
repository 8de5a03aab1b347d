#pragma once

#include <cstddef>
#include <cstdint>

#include "device/ops/image_view.h"
#include "device/ops/resample_table.h"

/// The two passes of a resample, once plain and once for AVX2, with equal bits. Internal: resample() chooses.
namespace forebay::passes {

/// Rows of `source` -> rows of table.outputs RGB pixels at `out`, packed.
void horizontal_plain(const ImageView& source, const ResampleTable& table, std::uint8_t* out);
void horizontal_avx2(const ImageView& source, const ResampleTable& table, std::uint8_t* out);

/// `rows` rows of `row_bytes` bytes -> table.outputs rows of as many bytes at `out`.
void vertical_plain(const std::uint8_t* source, std::uint32_t rows, std::size_t row_bytes,
                    const ResampleTable& table, std::uint8_t* out);
void vertical_avx2(const std::uint8_t* source, std::uint32_t rows, std::size_t row_bytes,
                   const ResampleTable& table, std::uint8_t* out);

/// Which inputs an output may read, whatever the table says.
struct Window {
  std::uint32_t first;
  std::uint32_t count;
};
[[nodiscard]] inline Window window_of(const ResampleTable& table, std::uint32_t output,
                                      std::uint32_t inputs) noexcept {
  const std::int32_t first = table.first()[output];
  std::int32_t count = table.count()[output];
  if (first < 0 || count <= 0 || static_cast<std::uint32_t>(first) >= inputs) return {0, 0};
  const auto room = static_cast<std::int32_t>(inputs) - first;
  count = count < room ? count : room;
  const auto taps = static_cast<std::int32_t>(table.taps);
  return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count < taps ? count : taps)};
}

/// Pillow's clip8: the fixed-point sum, rounded, to 8 bits. Sums wrap as Pillow's int does.
[[nodiscard]] inline std::uint8_t clip8(std::uint32_t sum) noexcept {
  const std::int32_t value = static_cast<std::int32_t>(sum) >> resample_precision_bits;
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

inline constexpr std::uint32_t rounding = 1U << (resample_precision_bits - 1);

}  // namespace forebay::passes
