#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "device/ops/image_view.h"
#include "pipeline/decode/item_error.h"

namespace forebay {

enum class ImageFormat : std::uint8_t { jpeg = 0, png = 1, webp = 2 };

/// needed: only what the crop needs is decoded; a cut-off file is still noticed by its missing end marker.
/// whole: every bit of every file is read and decoded.
enum class DecodeMode : std::uint8_t { needed = 0, whole = 1 };

/// Plain data: crosses to the workers.
struct DecodeOptions {
  DecodeMode mode = DecodeMode::needed;
  bool apply_exif = true;  ///< as ImageOps.exif_transpose
  bool strict = false;     ///< every decoder warning is an error (decoder_warning); implies whole

  /// Warnings outside of the needed part would be missed otherwise.
  [[nodiscard]] bool whole() const noexcept { return strict || mode == DecodeMode::whole; }
};

/// What the headers say. `width` and `height` are upright: swapped for orientations 5 to 8 if applied.
struct ImageInfo {
  ImageFormat format = ImageFormat::jpeg;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint8_t orientation = 1;  ///< EXIF 1..8, the one that decode() applies
  std::uint32_t align_x = 1;     ///< regions begin at multiples of this (in stored, not upright, columns)
};

/// What decoding one picture reported.
struct DecodeReport {
  std::uint32_t warnings = 0;
  std::string first_warning;  ///< empty where there was none
};

/// Reads the headers of an encoded picture: takes no memory that depends on what they claim. `file` is the
/// whole encoded file. Throws ItemFailure (empty_file, not_an_image, unsupported_format, truncated, corrupt,
/// too_large). Thread-safe.
[[nodiscard]] ImageInfo probe_image(std::span<const std::byte> file, const DecodeOptions& options);

/// The region that decode_image will produce for `needed`: a superset that the format can decode straight
/// into place (JPEG: a margin of one pixel, begin aligned to whole MCUs; decode mode whole: everything). The
/// pixels of `needed` are those of a whole decode, bit for bit.
[[nodiscard]] Region decodable_region(const ImageInfo& info, const Region& needed,
                                      const DecodeOptions& options);

/// Decodes `region` (from decodable_region) as 8-bit RGB, upright, at `out` (region.height rows of
/// region.width * 3 bytes, packed), with the bits of Pillow's open().convert("RGB") (and exif_transpose).
/// Every byte is written by a decoder or a conversion, never by a plain copy, where the format allows.
/// Throws ItemFailure; `out` then holds garbage. Keeps thread-local scratch of bounded size. Thread-safe.
DecodeReport decode_image(std::span<const std::byte> file, const ImageInfo& info, const Region& region,
                          const DecodeOptions& options, std::uint8_t* out);

}  // namespace forebay
