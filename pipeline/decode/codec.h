#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "pipeline/decode/decoder.h"

/// One decoder a format. Internal to pipeline/decode: decoder.cpp chooses. Coordinates are *stored* ones:
/// EXIF orientation is applied by the caller, through the sink that it gives.
namespace forebay::codec {

using Bytes = std::span<const std::byte>;

/// Where decoded rows go: RGB, `row_bytes` apart.
struct Target {
  std::uint8_t* pixels = nullptr;
  std::size_t row_bytes = 0;
};

/// What a header says of the stored picture.
struct Header {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint8_t orientation = 1;
  bool exif_is_broken = false;  ///< where EXIF is applied, Pillow raises
  std::uint32_t align_x = 1;    ///< 0: regions are not supported, decode whole
};

[[nodiscard]] Header read_jpeg_header(Bytes file);
DecodeReport decode_jpeg(Bytes file, const Region& stored, const DecodeOptions& options,
                         const Target& target);

[[nodiscard]] Header read_png_header(Bytes file);
DecodeReport decode_png(Bytes file, const Region& stored, const DecodeOptions& options, const Target& target);

[[nodiscard]] Header read_webp_header(Bytes file);
DecodeReport decode_webp(Bytes file, const Region& stored, const DecodeOptions& options,
                         const Target& target);

}  // namespace forebay::codec
