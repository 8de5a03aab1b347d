#pragma once

#include <cstddef>
#include <cstdint>

#include "device/ops/image_view.h"
#include "device/ops/resample_table.h"
#include "device/ops/resample_window.h"

/// The passes of a resample: plain, for AVX2, and for tables that resample nothing; all with equal bits.
/// Internal: resample() chooses.
namespace forebay::passes {

/// Rows of `source` -> rows of table.outputs RGB pixels at `out`, packed.
void horizontal_plain(const ImageView& source, const ResampleTable& table, std::uint8_t* out);
void horizontal_avx2(const ImageView& source, const ResampleTable& table, std::uint8_t* out);

/// `rows` rows of `row_bytes` bytes -> table.outputs rows of as many bytes at `out`.
void vertical_plain(const std::uint8_t* source, std::uint32_t rows, std::size_t row_bytes,
                    const ResampleTable& table, std::uint8_t* out);
void vertical_avx2(const std::uint8_t* source, std::uint32_t rows, std::size_t row_bytes,
                   const ResampleTable& table, std::uint8_t* out);

/// Whether the table only picks inputs: nothing is resampled, or to the nearest.
[[nodiscard]] bool is_selection(const ResampleTable& table) noexcept;

/// Both passes at once where both tables only pick: each result pixel is one of the source, or black.
void select_pixels(const ImageView& source, const ResampleTable& horizontal, const ResampleTable& vertical,
                   std::uint8_t* out);

/// Which inputs an output may read. A table may lie in memory that a hostile peer still writes: each word is
/// read once.
[[nodiscard]] inline Window window_of(const ResampleTable& table, std::uint32_t output,
                                      std::uint32_t inputs) noexcept {
  const std::int32_t first = __atomic_load_n(table.first() + output, __ATOMIC_RELAXED);
  const std::int32_t count = __atomic_load_n(table.count() + output, __ATOMIC_RELAXED);
  return clamp_window(first, count, inputs, table.taps);
}

}  // namespace forebay::passes
