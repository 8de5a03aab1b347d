#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace forebay {

/// What IHDR says.
struct PngHeader {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint8_t depth = 0;
  std::uint8_t colour = 0;  ///< 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha
  bool interlaced = false;
};

/// What the chunks of a PNG file say, without inflating pixels.
struct PngChunks {
  PngHeader header;
  bool has_header = false;  ///< an IHDR with a colour type and depth that PNG knows
  bool has_end = false;     ///< an IEND chunk: the file is not cut off
  /// Why Pillow refuses the file for its chunks; null where it does not.
  const char* refusal = nullptr;
  std::span<const std::byte> palette;  ///< contents of PLTE: red, green, blue, …
  std::span<const std::byte> exif;     ///< contents of eXIf
  std::size_t data_at = 0;             ///< where the first IDAT chunk begins; 0 where there is none
};

/// Walks the chunks as Pillow's PngImagePlugin does: checksums before the first IDAT, known chunks' contents
/// before and behind it. Takes no memory but for compressed texts, 1 MiB at a time. Throws std::bad_alloc.
[[nodiscard]] PngChunks walk_png_chunks(std::span<const std::byte> file);

/// The compressed pixels, in the pieces in which Pillow feeds them to zlib: those matter, because zlib checks
/// the stream's checksum only if that comes in the same piece as the last row.
class PngData {
 public:
  /// `at`: PngChunks::data_at.
  PngData(std::span<const std::byte> file, std::size_t at) noexcept : file_(file), at_(at) {}
  /// The next piece; empty where the data end, or the file does.
  [[nodiscard]] std::span<const std::byte> next() noexcept;

 private:
  std::span<const std::byte> file_;
  std::size_t at_;  // of the next chunk
  std::span<const std::byte> chunk_;
};

}  // namespace forebay
