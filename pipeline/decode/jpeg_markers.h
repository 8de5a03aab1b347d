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

/// The EXIF block (from its TIFF header on) of the first APP1 Exif segment before the first scan; empty if
/// none.
[[nodiscard]] std::span<const std::byte> jpeg_exif(std::span<const std::byte> file) noexcept;

}  // namespace forebay
