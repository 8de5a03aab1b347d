#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace forebay {

/// What is wrong with an EXIF block, so that Pillow's exif_transpose raises.
enum class ExifFault : std::uint8_t {
  none,
  no_tiff,    ///< no TIFF header
  cut_short,  ///< a TIFF header that ends too early, as that of a BigTIFF always does for Pillow
};

/// What an EXIF block says of the orientation.
struct ExifOrientation {
  std::uint8_t value = 1;  ///< 1..8
  ExifFault fault = ExifFault::none;
};

/// An EXIF block without the "Exif\0\0" that comes before its TIFF header in a JPEG, and may in a WebP.
[[nodiscard]] std::span<const std::byte> without_exif_preamble(std::span<const std::byte> block) noexcept;

/// The orientation (tag 0x0112) of an EXIF block, which begins with its TIFF header; 1 where it is missing or
/// makes no sense. As Pillow reads it: any numeric type, the first of several values, the last of several
/// entries, and what was read before the directory breaks off counts. Reads within `block` only, whatever its
/// offsets say. Thread-safe.
[[nodiscard]] ExifOrientation exif_orientation(std::span<const std::byte> block) noexcept;

}  // namespace forebay
