#pragma once

#include <cstdint>

#include "device/ops/image_view.h"

namespace forebay {

/// The eight EXIF orientations, as ImageOps.exif_transpose applies them. `stored` sizes are those in the
/// file.
struct StoredSize {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

/// True for 5..8: upright width is the stored height.
[[nodiscard]] constexpr bool swaps_axes(std::uint8_t orientation) noexcept { return orientation >= 5; }

/// The region of the stored picture that shows `upright`.
[[nodiscard]] Region stored_region(const Region& upright, const StoredSize& stored,
                                   std::uint8_t orientation) noexcept;

/// The inverse of stored_region.
[[nodiscard]] Region upright_region(const Region& in_stored, const StoredSize& stored,
                                    std::uint8_t orientation) noexcept;

/// Writes the pixels of a stored region (packed RGB) upright at `out` (packed RGB).
void write_upright(const std::uint8_t* pixels, std::uint32_t width, std::uint32_t height,
                   std::uint8_t orientation, std::uint8_t* out) noexcept;

}  // namespace forebay
