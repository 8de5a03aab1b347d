#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace forebay {

/// What a walk over the chunks of a PNG file tells without inflating anything.
struct PngChunks {
  std::uint32_t width = 0;  ///< as IHDR claims; 0 where there is none
  std::uint32_t height = 0;
  bool has_end = false;        ///< an IEND chunk: the file is not cut off
  bool checksums_hold = true;  ///< of every chunk before the first IDAT; Pillow checks those, and no others
  std::span<const std::byte> exif;     ///< contents of the eXIf chunk
  std::span<const std::byte> palette;  ///< contents of PLTE: red, green, blue, …
};

[[nodiscard]] PngChunks walk_png_chunks(std::span<const std::byte> file) noexcept;

}  // namespace forebay
