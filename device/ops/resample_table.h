#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "device/ops/filter.h"

namespace forebay {

/// One axis of a separable resample, as Pillow computes it (libImaging/Resample.c, 9.4):
/// output `i` is the sum of `count[i]` inputs from `first[i]` on, times `weights[i * taps + k]`
/// in fixed point with `resample_precision_bits` fractional bits, rounded to 8 bits.
/// A `count` of 0 gives 0: the padding of a crop that is larger than the picture.
///
/// The table is plain int32 words in memory that somebody else owns (private memory, or a slot
/// that is uploaded as it is): first[outputs], count[outputs], weights[outputs * taps].
/// `first` is relative to the *region* that is decoded, not to the full picture.
struct ResampleTable {
  const std::int32_t* words = nullptr;
  std::uint32_t outputs = 0;
  std::uint32_t taps = 0;

  [[nodiscard]] const std::int32_t* first() const noexcept { return words; }
  [[nodiscard]] const std::int32_t* count() const noexcept { return words + outputs; }
  [[nodiscard]] const std::int32_t* weights() const noexcept { return words + 2 * std::size_t{outputs}; }
};

/// Pillow's PRECISION_BITS: 32 bits less 8 of the pixel less 2 of head room.
inline constexpr int resample_precision_bits = 22;

/// Words (int32) that a table takes.
[[nodiscard]] constexpr std::size_t resample_table_words(std::uint32_t outputs, std::uint32_t taps) noexcept {
  return std::size_t{outputs} * (2 + std::size_t{taps});
}

/// What one axis of a picture goes through: resample `source` pixels (from `box_begin`, `box_size`
/// long, as if the box had been cut out first) to `resized`, then take `outputs` from `crop_begin`
/// on (negative, or past the end: padded with zeros), last mirrored if `mirror`.
struct AxisPlan {
  std::uint32_t box_begin = 0;
  std::uint32_t box_size = 0;
  std::uint64_t resized = 0;  ///< beyond 32 bits for the long edge of a picture one pixel wide
  std::int64_t crop_begin = 0;
  std::uint32_t outputs = 0;
  bool mirror = false;
  Filter filter = Filter::bilinear;
};

/// Which inputs of the axis the outputs need: [begin, begin + size). Size is at least 1, so that a
/// decoder always has something to decode, also where every output is padding.
struct AxisSpan {
  std::uint32_t begin = 0;
  std::uint32_t size = 0;
};

/// Weights per output of this axis (Pillow's ksize; 1 where nothing is resampled or nearest is used).
[[nodiscard]] std::uint32_t resample_taps(const AxisPlan& plan) noexcept;

/// The inputs that the axis needs.
[[nodiscard]] AxisSpan needed_span(const AxisPlan& plan) noexcept;

/// Fills `words` (exactly resample_table_words(plan.outputs, resample_taps(plan))) for a decoded region
/// that begins at input `region_begin`. The doubles are computed in Pillow's order of operations, so the
/// integers are Pillow's. Never allocates more than a few outputs' worth; thread-safe.
ResampleTable fill_resample_table(const AxisPlan& plan, std::uint32_t region_begin,
                                  std::span<std::int32_t> words);

}  // namespace forebay
