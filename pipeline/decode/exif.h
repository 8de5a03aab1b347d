#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace forebay {

/// The orientation (tag 0x0112) of an EXIF block that begins with its TIFF header ("II*\0" or "MM\0*"); 1
/// where it is missing or makes no sense. Reads within `block` only, whatever its offsets say.
[[nodiscard]] std::uint8_t exif_orientation(std::span<const std::byte> block) noexcept;

}  // namespace forebay
