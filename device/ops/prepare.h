#pragma once

#include <cstdint>
#include <optional>

#include "device/ops/filter.h"
#include "device/ops/image_view.h"
#include "device/ops/resample_table.h"

namespace forebay {

enum class Augment : std::uint8_t { none = 0, train = 1 };

/// What happens to every picture before the last operator. Plain data: it crosses to the workers.
struct PrepareOptions {
  std::uint32_t resize = 256;  ///< pixels of the shorter edge (torchvision Resize(int))
  std::uint32_t crop = 224;    ///< pixels of both edges of the result (CenterCrop, or RandomResizedCrop)
  Filter filter = Filter::bilinear;
  Augment augment = Augment::none;  ///< train: RandomResizedCrop(crop) and RandomHorizontalFlip, no Resize
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
};

/// The two axes of one picture's preparation and the region of it that is needed.
struct PreparePlan {
  AxisPlan horizontal;
  AxisPlan vertical;
  Region needed;
};

/// Plans the picture of `width` x `height` upright pixels that is item `item` of the run.
/// Same inputs, same plan, on every machine: randomness is Philox keyed by (seed, epoch, item, operator).
/// Geometry is torchvision's (0.14): Resize's int(size * long / short), CenterCrop's round half to even and
/// zero padding, RandomResizedCrop's scale 0.08..1 and ratio 3/4..4/3 with ten attempts and its fallback.
/// Thread-safe, allocates nothing.
[[nodiscard]] PreparePlan plan_prepare(const PrepareOptions& options, std::uint64_t item, std::uint32_t width,
                                       std::uint32_t height) noexcept;

/// Resamples `region` (the decoded part of the picture that the tables refer to) to
/// vertical.outputs x horizontal.outputs RGB pixels at `out` (interleaved, rows packed), with the bits of
/// Pillow: horizontal pass first, rounded to 8 bits, then vertical. Single-threaded; picks AVX2 or plain code
/// at run time, with equal bits. Indices beyond the region are clamped, never read. `out` overlaps nothing
/// else. Allocates thread-local scratch of region.height x horizontal.outputs pixels, kept for the next call.
void resample(const ImageView& region, const ResampleTable& horizontal, const ResampleTable& vertical,
              std::uint8_t* out);

}  // namespace forebay
