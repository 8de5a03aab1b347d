#include "pipeline/decode/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "host/contract.h"
#include "host/limits.h"
#include "pipeline/decode/codec.h"
#include "pipeline/decode/orientation.h"
#include "pipeline/decode/signature.h"

namespace forebay {
namespace {

codec::Header read_header(ImageFormat format, codec::Bytes file) {
  switch (format) {
    case ImageFormat::jpeg: return codec::read_jpeg_header(file);
    case ImageFormat::png: return codec::read_png_header(file);
    case ImageFormat::webp: return codec::read_webp_header(file);
  }
  expect(false, "an image format is one of the three");
  return {};
}

DecodeReport decode_stored(codec::Bytes file, const ImageInfo& info, const Region& stored,
                           const DecodeOptions& options, const codec::Target& target) {
  switch (info.format) {
    case ImageFormat::jpeg: return codec::decode_jpeg(file, stored, options, target);
    case ImageFormat::png: return codec::decode_png(file, stored, options, target);
    case ImageFormat::webp: return codec::decode_webp(file, stored, options, target);
  }
  return {};
}

StoredSize stored_size(const ImageInfo& info) {
  return swaps_axes(info.orientation) ? StoredSize{info.height, info.width}
                                      : StoredSize{info.width, info.height};
}

}  // namespace

ImageInfo probe_image(std::span<const std::byte> file, const DecodeOptions& options) {
  ImageInfo info;
  info.format = detect_format(file);
  const codec::Header header = read_header(info.format, file);
  if (header.width == 0 || header.height == 0) {
    throw ItemFailure(ItemErrorCode::corrupt, "the header claims a picture without pixels");
  }
  const std::uint64_t pixels = std::uint64_t{header.width} * header.height;
  if (pixels > limits::image_pixels_max) {
    throw ItemFailure(ItemErrorCode::too_large,
                      fmt::format("claims {}x{} = {} pixels, the limit is {}", header.width, header.height,
                                  pixels, limits::image_pixels_max));
  }
  if (options.apply_exif && header.exif_is_broken) {
    throw ItemFailure(ItemErrorCode::corrupt,
                      "the EXIF block has no TIFF header (--no-exif leaves it unread)");
  }
  info.orientation = options.apply_exif ? header.orientation : std::uint8_t{1};
  const bool swapped = swaps_axes(info.orientation);
  info.width = swapped ? header.height : header.width;
  info.height = swapped ? header.width : header.height;
  info.align_x = header.align_x;
  return info;
}

Region decodable_region(const ImageInfo& info, const Region& needed, const DecodeOptions& options) {
  const StoredSize size = stored_size(info);
  Region stored{0, 0, size.width, size.height};
  if (!options.whole() && info.align_x != 0) {
    const Region exact = stored_region(needed, size, info.orientation);
    // One pixel more on every side: fancy upsampling looks at neighbours.
    const std::uint32_t left = exact.x > 0 ? exact.x - 1 : 0;
    const std::uint32_t top = exact.y > 0 ? exact.y - 1 : 0;
    const std::uint32_t right = std::min(exact.x + exact.width + 1, size.width);
    const std::uint32_t bottom = std::min(exact.y + exact.height + 1, size.height);
    // Where regions begin at whole rows only, a whole row is decoded straight into place.
    const bool whole_rows = info.align_x >= size.width;
    stored.x = whole_rows ? 0 : left / info.align_x * info.align_x;
    stored.width = (whole_rows ? size.width : right) - stored.x;
    stored.y = top;
    stored.height = bottom - top;
  }
  return upright_region(stored, size, info.orientation);
}

DecodeReport decode_image(std::span<const std::byte> file, const ImageInfo& info, const Region& region,
                          const DecodeOptions& options, std::uint8_t* out) {
  const StoredSize size = stored_size(info);
  const Region stored = stored_region(region, size, info.orientation);
  const std::size_t row_bytes = std::size_t{stored.width} * rgb_bytes;
  DecodeReport report;
  if (info.orientation == 1) {
    report = decode_stored(file, info, stored, options, {out, row_bytes});
  } else {
    thread_local std::vector<std::uint8_t> scratch;
    scratch.resize(row_bytes * stored.height);
    report = decode_stored(file, info, stored, options, {scratch.data(), row_bytes});
    write_upright(scratch.data(), stored.width, stored.height, info.orientation, out);
    constexpr std::size_t keep_bytes = std::size_t{16}
                                       << 20U;  // one large picture must not stay in the footprint
    if (scratch.capacity() > keep_bytes) std::vector<std::uint8_t>().swap(scratch);
  }
  if (std::uint64_t{info.width} * info.height > limits::image_pixels_warn && report.warnings++ == 0) {
    report.first_warning = "a very large picture (Pillow: DecompressionBombWarning)";
  }
  if (options.strict && report.warnings > 0) {
    throw ItemFailure(ItemErrorCode::decoder_warning, "the decoder warned: " + report.first_warning);
  }
  return report;
}

}  // namespace forebay
