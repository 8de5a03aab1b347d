#pragma once

#include <cstddef>
#include <cstdint>

namespace forebay {

/// Part of a picture, in pixels of the upright (EXIF-oriented) full picture.
struct Region {
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  friend bool operator==(const Region&, const Region&) = default;
};

/// Bytes of one RGB pixel.
inline constexpr std::size_t rgb_bytes = 3;

/// Read-only 8-bit RGB pixels, interleaved, rows `row_bytes` apart. Owned by somebody else.
struct ImageView {
  const std::uint8_t* pixels = nullptr;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::size_t row_bytes = 0;
};

}  // namespace forebay
