#pragma once

#include <cstddef>
#include <cstdint>

#include "device/ops/image_view.h"
#include "device/ops/resample_table.h"
#include "device/ops/resample_window.h"

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

[[nodiscard]] inline Window window_of(const ResampleTable& table, std::uint32_t output,
                                      std::uint32_t inputs) noexcept {
  return clamp_window(table.first()[output], table.count()[output], inputs, table.taps);
}

}  // namespace forebay::passes
