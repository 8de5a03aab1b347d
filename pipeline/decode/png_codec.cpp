#include <fmt/format.h>
#include <spng.h>

#include <array>
#include <memory>
#include <vector>

#include "host/limits.h"
#include "pipeline/decode/codec.h"
#include "pipeline/decode/exif.h"
#include "pipeline/decode/png_chunks.h"

/// PNG through libspng (no longjmp, and an own limit for everything), with Pillow's reading of each colour
/// type: sub-byte greys are scaled, 16-bit grey is clipped to 255 (mode I), 16-bit colours lose their low
/// byte, alpha is dropped.
namespace forebay::codec {
namespace {

struct FreeContext {
  void operator()(spng_ctx* context) const noexcept { ::spng_ctx_free(context); }
};
using Context = std::unique_ptr<spng_ctx, FreeContext>;

[[noreturn]] void fail(int error) {
  if (error == SPNG_EIO || error == SPNG_IO_EOF || error == SPNG_EIDAT_TOO_SHORT) {
    throw ItemFailure(ItemErrorCode::truncated, "the data ends before the picture does");
  }
  if (error == SPNG_EMEM) throw std::bad_alloc();
  throw ItemFailure(ItemErrorCode::corrupt, fmt::format("libspng: {}", ::spng_strerror(error)));
}

void require(int error) {
  if (error != 0) fail(error);
}

Context open(Bytes file, spng_ihdr& header) {
  Context context(::spng_ctx_new(0));
  if (!context) throw std::bad_alloc();
  // Checksums before the data are checked by walk_png_chunks; those of the data Pillow does not check either.
  require(::spng_set_crc_action(context.get(), SPNG_CRC_USE, SPNG_CRC_USE));
  require(::spng_set_image_limits(context.get(), 0x7FFFFFFF, 0x7FFFFFFF));
  constexpr std::size_t chunk_bytes_max = std::size_t{16} << 20U;  // text and profiles: none is needed
  require(::spng_set_chunk_limits(context.get(), chunk_bytes_max, 2 * chunk_bytes_max));
  require(::spng_set_png_buffer(context.get(), file.data(), file.size()));
  require(::spng_get_ihdr(context.get(), &header));
  return context;
}

/// Makes RGB of one row of raw samples (big-endian, sub-byte samples packed), as Pillow does.
class RowReader {
 public:
  RowReader(const spng_ihdr& header, std::span<const std::byte> palette) : header_(header) {
    for (std::uint32_t i = 0; i < 256; ++i) {
      for (std::uint32_t channel = 0; channel < 3; ++channel) {
        // Beyond the palette Pillow's is a grey ramp.
        const std::size_t at = std::size_t{i} * 3 + channel;
        palette_[at] =
            at < palette.size() ? std::to_integer<std::uint8_t>(palette[at]) : static_cast<std::uint8_t>(i);
      }
    }
  }

  void write(const std::uint8_t* raw, std::uint32_t first, std::uint32_t count, std::uint8_t* out) const {
    for (std::uint32_t x = first; x < first + count; ++x, out += rgb_bytes) pixel(raw, x, out);
  }

 private:
  void pixel(const std::uint8_t* raw, std::uint32_t x, std::uint8_t* out) const {
    const std::size_t depth_bytes = header_.bit_depth == 16 ? 2 : 1;
    switch (header_.color_type) {
      case SPNG_COLOR_TYPE_GRAYSCALE:
        grey(header_.bit_depth == 16 ? clipped(raw + 2 * std::size_t{x}) : scaled(raw, x), out);
        break;
      case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA: grey(raw[std::size_t{x} * 2 * depth_bytes], out); break;
      case SPNG_COLOR_TYPE_INDEXED: colour(palette_.data() + std::size_t{sample(raw, x)} * 3, 1, out); break;
      case SPNG_COLOR_TYPE_TRUECOLOR: colour(raw + std::size_t{x} * 3 * depth_bytes, depth_bytes, out); break;
      default: colour(raw + std::size_t{x} * 4 * depth_bytes, depth_bytes, out); break;
    }
  }
  static void grey(std::uint8_t value, std::uint8_t* out) { out[0] = out[1] = out[2] = value; }
  static void colour(const std::uint8_t* from, std::size_t step, std::uint8_t* out) {
    out[0] = from[0];
    out[1] = from[step];
    out[2] = from[2 * step];
  }
  static std::uint8_t clipped(const std::uint8_t* big_endian) {
    return big_endian[0] != 0 ? 255 : big_endian[1];
  }
  [[nodiscard]] std::uint8_t sample(const std::uint8_t* raw, std::uint32_t x) const {
    const std::uint32_t depth = header_.bit_depth;
    if (depth == 8) return raw[x];
    const std::uint32_t per_byte = 8 / depth;
    const std::uint32_t shift = 8 - depth * (x % per_byte + 1);
    return static_cast<std::uint8_t>(raw[x / per_byte] >> shift & ((1U << depth) - 1));
  }
  [[nodiscard]] std::uint8_t scaled(const std::uint8_t* raw, std::uint32_t x) const {
    const std::uint32_t depth = header_.bit_depth;
    return static_cast<std::uint8_t>(sample(raw, x) * (depth == 8 ? 1U : 255U / ((1U << depth) - 1)));
  }

  const spng_ihdr& header_;
  std::array<std::uint8_t, 768> palette_{};
};

bool is_rgb8(const spng_ihdr& header) {
  return header.color_type == SPNG_COLOR_TYPE_TRUECOLOR && header.bit_depth == 8;
}

/// Interlaced rows come in seven passes: the whole picture is decoded first.
void decode_interlaced(spng_ctx* context, const Region& stored, const RowReader& reader,
                       const Target& target) {
  std::size_t bytes = 0;
  require(::spng_decoded_image_size(context, SPNG_FMT_RAW, &bytes));
  std::vector<std::uint8_t> raw(bytes);
  require(::spng_decode_image(context, raw.data(), bytes, SPNG_FMT_RAW, 0));
  spng_ihdr header{};
  require(::spng_get_ihdr(context, &header));
  const std::size_t raw_row_bytes = bytes / header.height;
  for (std::uint32_t y = 0; y < stored.height; ++y) {
    reader.write(raw.data() + (stored.y + y) * raw_row_bytes, stored.x, stored.width,
                 target.pixels + y * target.row_bytes);
  }
}

void decode_rows(spng_ctx* context, const spng_ihdr& header, const Region& stored, bool whole,
                 const RowReader& reader, const Target& target) {
  std::size_t bytes = 0;
  require(::spng_decoded_image_size(context, SPNG_FMT_RAW, &bytes));
  const std::size_t raw_row_bytes = bytes / header.height;
  std::vector<std::uint8_t> row(raw_row_bytes);
  require(::spng_decode_image(context, nullptr, 0, SPNG_FMT_RAW, SPNG_DECODE_PROGRESSIVE));
  const bool direct = is_rgb8(header) && stored.width == header.width;
  const std::uint32_t end = stored.y + stored.height;
  for (std::uint32_t y = 0; y < (whole ? header.height : end); ++y) {
    const bool wanted = y >= stored.y && y < end;
    std::uint8_t* to = wanted ? target.pixels + (y - stored.y) * target.row_bytes : nullptr;
    const int error = ::spng_decode_row(context, wanted && direct ? to : row.data(), raw_row_bytes);
    if (error != 0 && error != SPNG_EOI) fail(error);
    if (wanted && !direct) reader.write(row.data(), stored.x, stored.width, to);
    if (error == SPNG_EOI) break;
  }
}

}  // namespace

Header read_png_header(Bytes file) {
  const PngChunks chunks = walk_png_chunks(file);
  Header header;
  header.width = chunks.width;
  header.height = chunks.height;
  if (header.width == 0) throw ItemFailure(ItemErrorCode::truncated, "the data ends within the header");
  // Sizes that the limit refuses must not reach libspng, which calls them an overflow.
  if (std::uint64_t{header.width} * header.height > limits::image_pixels_max) return header;
  if (!chunks.checksums_hold)
    throw ItemFailure(ItemErrorCode::corrupt, "the checksum of a chunk does not match");
  spng_ihdr checked{};
  static_cast<void>(open(file, checked));
  header.orientation = exif_orientation(chunks.exif);
  header.align_x = header.width;  // whole rows: they are decoded straight into place
  return header;
}

DecodeReport decode_png(Bytes file, const Region& stored, const DecodeOptions& options,
                        const Target& target) {
  spng_ihdr header{};
  const Context context = open(file, header);
  const PngChunks chunks = walk_png_chunks(file);
  const RowReader reader(header, chunks.palette);
  if (header.interlace_method != 0) {
    decode_interlaced(context.get(), stored, reader, target);
  } else {
    decode_rows(context.get(), header, stored, options.mode == DecodeMode::whole, reader, target);
  }
  if (!chunks.has_end)
    throw ItemFailure(ItemErrorCode::truncated, "the data ends before the picture does (no IEND chunk)");
  return {};
}

}  // namespace forebay::codec
