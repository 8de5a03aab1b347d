#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "host/limits.h"
#include "pipeline/decode/codec.h"
#include "pipeline/decode/exif.h"
#include "pipeline/decode/png_chunks.h"
#include "pipeline/decode/png_filter.h"
#include "pipeline/decode/png_rows.h"

/// PNG over zlib, with Pillow's verdicts (ZipDecode.c): every row of the picture is inflated, whatever part
/// is needed, because only the end of the stream tells whether the rows before were right. Rows below the
/// part are inflated, not undone.
namespace forebay::codec {
namespace {

[[noreturn]] void fail_cut_off() {
  throw ItemFailure(ItemErrorCode::truncated, "the data ends before the picture does");
}

/// The rows of a picture as zlib gives them: a filter byte, then samples.
class RowStream {
 public:
  explicit RowStream(PngData data) : data_(data) {
    if (::inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  RowStream(const RowStream&) = delete;
  RowStream& operator=(const RowStream&) = delete;
  ~RowStream() { ::inflateEnd(&stream_); }

  /// Fills `row`. With the last byte of the last row zlib goes on to the checksum, if that is in the same
  /// piece.
  void read(std::span<std::uint8_t> row) {
    stream_.next_out = row.data();
    stream_.avail_out = static_cast<uInt>(row.size());
    while (stream_.avail_out > 0) {
      if (ended_) fail_cut_off();
      if (stream_.avail_in == 0) take_piece();
      const int result = ::inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_MEM_ERROR) throw std::bad_alloc();
      if (result < 0) {
        throw ItemFailure(ItemErrorCode::corrupt, fmt::format("zlib: {}", reason()));
      }
      ended_ = result != Z_OK;  // or it wants a dictionary, which PNG does not have
    }
  }

 private:
  void take_piece() {
    const auto piece = data_.next();
    if (piece.empty()) fail_cut_off();
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
  }
  [[nodiscard]] const char* reason() const {
    return stream_.msg != nullptr ? stream_.msg : "the compressed data make no sense";
  }

  PngData data_;
  z_stream stream_{};
  bool ended_ = false;
};

/// A row with its filter undone: `raw` holds the row as read, filter first.
void undo(const std::vector<std::uint8_t>& raw, const std::uint8_t* prior, std::size_t bytes,
          std::size_t step, std::uint8_t* out) {
  if (!undo_png_filter(raw[0], raw.data() + 1, prior, bytes, step, out)) {
    throw ItemFailure(ItemErrorCode::corrupt, fmt::format("a row has the filter {}", raw[0]));
  }
}

void decode_rows(const PngHeader& header, const PngRows& rows, RowStream& stream, const Region& stored,
                 const Target& target) {
  const std::size_t bytes = rows.bytes_of(header.width);
  std::vector<std::uint8_t> raw(1 + bytes);
  std::vector<std::uint8_t> above(bytes);  // zeros above the first row
  std::vector<std::uint8_t> row(bytes);
  const std::uint8_t* prior = above.data();
  const bool direct = rows.are_rgb8() && stored.width == header.width;
  const std::uint32_t end = stored.y + stored.height;
  for (std::uint32_t y = 0; y < header.height; ++y) {
    stream.read(raw);
    if (y >= end) {
      if (raw[0] > png_filter_max) undo(raw, prior, 0, 1, row.data());  // throws
      continue;
    }
    const bool wanted = y >= stored.y;
    std::uint8_t* to = wanted ? target.pixels + (y - stored.y) * target.row_bytes : nullptr;
    if (wanted && direct) {
      undo(raw, prior, bytes, rows.step(), to);
      prior = to;
      continue;
    }
    undo(raw, prior, bytes, rows.step(), row.data());
    if (wanted) rows.write(row.data(), stored.x, stored.width, to);
    std::swap(above, row);
    prior = above.data();
  }
}

/// The seven passes of an interlaced picture: where each begins, and its steps.
struct Pass {
  std::uint32_t x, y, dx, dy;
};
constexpr std::array<Pass, 7> passes{
    {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}};

void decode_interlaced(const PngHeader& header, const PngRows& rows, RowStream& stream, const Region& stored,
                       const Target& target) {
  const std::size_t bytes_max = rows.bytes_of(header.width);
  std::vector<std::uint8_t> raw(1 + bytes_max);
  std::vector<std::uint8_t> above(bytes_max);
  std::vector<std::uint8_t> row(bytes_max);
  for (const Pass& pass : passes) {
    if (pass.x >= header.width) continue;
    const std::uint32_t pixels = (header.width - pass.x + pass.dx - 1) / pass.dx;
    const std::size_t bytes = rows.bytes_of(pixels);
    above.assign(bytes_max, 0);
    for (std::uint32_t y = pass.y; y < header.height; y += pass.dy) {
      raw.resize(1 + bytes);
      stream.read(raw);
      undo(raw, above.data(), bytes, rows.step(), row.data());
      std::swap(above, row);
      if (y < stored.y || y >= stored.y + stored.height) continue;
      std::uint8_t* to = target.pixels + (y - stored.y) * target.row_bytes;
      for (std::uint32_t i = 0; i < pixels; ++i) {
        const std::uint32_t x = pass.x + i * pass.dx;
        if (x < stored.x || x >= stored.x + stored.width) continue;
        rows.write(above.data(), i, 1, to + (x - stored.x) * rgb_bytes);
      }
    }
  }
}

}  // namespace

Header read_png_header(Bytes file) {
  const PngChunks chunks = walk_png_chunks(file);
  Header header;
  header.width = chunks.header.width;
  header.height = chunks.header.height;
  if (header.width == 0 && chunks.data_at == 0 && !chunks.has_end) {
    throw ItemFailure(ItemErrorCode::truncated, "the data ends within the header");
  }
  // What the limit refuses needs no further look.
  if (std::uint64_t{header.width} * header.height > limits::image_pixels_max) return header;
  if (chunks.refusal != nullptr) throw ItemFailure(ItemErrorCode::corrupt, chunks.refusal);
  if (chunks.data_at == 0) fail_cut_off();
  if (!chunks.has_header) {
    throw ItemFailure(ItemErrorCode::corrupt, "the header names no colour type and depth of PNG");
  }
  const ExifOrientation orientation = exif_orientation(chunks.exif);
  header.orientation = orientation.value;
  header.exif_is_broken = orientation.fault != ExifFault::none;
  header.align_x = header.width;  // whole rows: they are decoded straight into place
  return header;
}

DecodeReport decode_png(Bytes file, const Region& stored, const DecodeOptions& /*options*/,
                        const Target& target) {
  const PngChunks chunks = walk_png_chunks(file);
  const PngRows rows(chunks.header, chunks.palette);
  RowStream stream(PngData(file, chunks.data_at));
  if (chunks.header.interlaced) {
    decode_interlaced(chunks.header, rows, stream, stored, target);
  } else {
    decode_rows(chunks.header, rows, stream, stored, target);
  }
  if (!chunks.has_end) {
    throw ItemFailure(ItemErrorCode::truncated, "the data ends before the picture does (no IEND chunk)");
  }
  return {};
}

}  // namespace forebay::codec
