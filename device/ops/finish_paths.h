#pragma once

#include <cstddef>
#include <cstdint>

#include "device/ops/finish.h"

/// The hand-tuned paths of the last operator. Internal: finish_row() chooses.
namespace forebay::paths {

/// Pixels of a row: how many, and how many lie between two planes of the result.
struct PixelRange {
  std::size_t count = 0;
  std::size_t plane = 0;
};

/// Pixels by looking every value up: any dtype and layout, any processor. The reference of the other paths.
void finish_by_table(const FinishOptions& options, const FinishTable& table, const std::uint8_t* pixels,
                     const PixelRange& range, std::byte* out) noexcept;

/// Whether this processor has what the paths below need: AVX2, FMA and F16C.
[[nodiscard]] bool has_vectors() noexcept;

/// Whether finish_avx2's arithmetic gives the table's bits for all 256 values of each channel. It does for
/// every mean and std in use; where it did not, the table itself is used. False where has_vectors() is.
[[nodiscard]] bool arithmetic_matches(const FinishOptions& options, const FinishTable& table);

/// Pixels of f32, f16 or bf16 in either layout. Divisions are multiplications with the reciprocal and one FMA
/// correction each (Markstein, "Computation of elementary functions on the IBM RISC System/6000", 1990):
/// three cheap operations instead of one slow one.
void finish_avx2(const FinishOptions& options, const std::uint8_t* pixels, const PixelRange& range,
                 std::byte* out) noexcept;

/// Interleaved RGB pixels to three planes.
void split_planes_avx2(const std::uint8_t* pixels, const PixelRange& range, std::uint8_t* out) noexcept;

}  // namespace forebay::paths
