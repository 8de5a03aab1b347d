#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace forebay {

/// Whether the markers from `from` on (the start of a segment or of entropy-coded data) lead to an
/// end-of-image marker: a file that was cut off has none. Skips segments by their length and entropy-coded
/// data byte by byte (memchr).
[[nodiscard]] bool jpeg_has_end(std::span<const std::byte> file) noexcept;

/// What the segments before the first scan say that concerns the orientation.
struct JpegExif {
  std::span<const std::byte> block;  ///< of the first APP1 segment that begins "Exif\0", whole; or empty
  /// A JFIF segment gave dots per inch before: Pillow then first reads the block in exif_transpose, where one
  /// without a TIFF header raises. Otherwise it reads it while it opens the file, and goes on without.
  bool after_density = false;
};
[[nodiscard]] JpegExif jpeg_exif(std::span<const std::byte> file) noexcept;

}  // namespace forebay
