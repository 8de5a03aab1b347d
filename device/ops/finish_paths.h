#pragma once

#include <cstdint>

#include "device/ops/finish.h"

/// The hand-tuned path of the last operator, for f32 nchw. Internal: finish_row() chooses.
namespace forebay::paths {

/// Whether the arithmetic of finish_f32_planar_avx2 gives the table's bits for all 256 values of each channel. It does for
/// every mean and std in use; where it did not, the table itself is used. False on machines without AVX2 and FMA.
[[nodiscard]] bool arithmetic_matches(const FinishOptions& options, const FinishTable& table);

/// Divisions by multiplication with the reciprocal and one FMA correction each (Markstein, "Computation of elementary
/// functions on the IBM RISC System/6000", 1990): three cheap operations instead of one slow one.
void finish_f32_planar_avx2(const FinishOptions& options, const std::uint8_t* pixels, float* out) noexcept;

}  // namespace forebay::paths
