#include "pipeline/sink/contact_sheet.h"

#include <fmt/format.h>
#include <spng.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <span>

#include "device/ops/prepare.h"
#include "device/ops/resample_table.h"
#include "host/contract.h"
#include "host/error.h"
#include "pipeline/sink/denormalise.h"

namespace forebay {
namespace {

constexpr std::uint8_t background = 24;

std::uint32_t tile_edge(std::uint32_t pixels) noexcept {
  return std::clamp(pixels, ContactSheet::tile_pixels_min, ContactSheet::tile_pixels_max);
}

/// One axis from `source` to `edge` pixels: averaged when shrunk, blocks of equal pixels when enlarged.
ResampleTable scale_table(std::uint32_t source, std::uint32_t edge, std::vector<std::int32_t>& words) {
  const AxisPlan plan{.box_begin = 0,
                      .box_size = source,
                      .resized = edge,
                      .crop_begin = 0,
                      .outputs = edge,
                      .mirror = false,
                      .filter = edge < source ? Filter::bilinear : Filter::nearest};
  words.resize(resample_table_words(edge, resample_taps(plan)));
  return fill_resample_table(plan, 0, words);
}

struct FreeContext {
  void operator()(spng_ctx* context) const noexcept { spng_ctx_free(context); }
};

struct Free {
  void operator()(void* memory) const noexcept { std::free(memory); }  // NOLINT: spng's buffers are malloc's
};

void check_png(int error) {
  if (error == 0) return;
  throw Error(error == SPNG_EMEM ? ErrorCode::no_memory : ErrorCode::io,
              fmt::format("cannot encode contact_sheet.png: {}", spng_strerror(error)));
}

std::vector<std::byte> encode_png(std::span<const std::uint8_t> pixels, std::uint32_t width,
                                  std::uint32_t height) {
  // A run must not wait for the last kilobytes: 43 ms for a sheet of 64 photos, against 110 ms with every
  // filter tried and matches searched for, which makes a file 5 % smaller.
  constexpr int fastest = 1;
  constexpr std::uint8_t bits = 8;
  const std::unique_ptr<spng_ctx, FreeContext> context(spng_ctx_new(SPNG_CTX_ENCODER));
  if (!context) check_png(SPNG_EMEM);
  check_png(spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1));
  check_png(spng_set_option(context.get(), SPNG_IMG_COMPRESSION_LEVEL, fastest));
  check_png(spng_set_option(context.get(), SPNG_FILTER_CHOICE, SPNG_FILTER_CHOICE_UP));
  check_png(spng_set_option(context.get(), SPNG_IMG_COMPRESSION_STRATEGY, Z_RLE));
  spng_ihdr header{width, height, bits, SPNG_COLOR_TYPE_TRUECOLOR, 0, 0, SPNG_INTERLACE_NONE};
  check_png(spng_set_ihdr(context.get(), &header));
  check_png(
      spng_encode_image(context.get(), pixels.data(), pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE));
  std::size_t size = 0;
  int error = 0;
  const std::unique_ptr<void, Free> buffer(spng_get_png_buffer(context.get(), &size, &error));
  check_png(error);
  const auto* bytes = static_cast<const std::byte*>(buffer.get());
  return {bytes, bytes + size};
}

}  // namespace

ContactSheet::ContactSheet(const FinishOptions& finish)
    : finish_(finish), tile_width_(tile_edge(finish.width)), tile_height_(tile_edge(finish.height)) {}

void ContactSheet::add(const TensorView& rows) {
  if (full() || rows.rank == 0) return;
  expect(rows.rank == 4 && rows.dtype == finish_.dtype && rows.device.kind == DeviceKind::cpu &&
             rows.elements() == rows.shape[0] * 3 * finish_.height * finish_.width,
         "rows as FinishOptions say, on the host");
  const auto* row = static_cast<const std::byte*>(rows.data);
  for (std::int64_t i = 0; i < rows.shape[0] && !full(); ++i, row += finished_row_bytes(finish_)) {
    tiles_.push_back(tile_of(picture_of(row)));
  }
}

ContactSheet::Pixels ContactSheet::picture_of(const std::byte* row) const {
  Pixels picture(std::size_t{finish_.width} * finish_.height * 3);
  denormalise_row(finish_, row, picture);
  return picture;
}

ContactSheet::Pixels ContactSheet::tile_of(const Pixels& picture) const {
  if (tile_width_ == finish_.width && tile_height_ == finish_.height) return picture;
  std::vector<std::int32_t> horizontal_words;
  std::vector<std::int32_t> vertical_words;
  const ResampleTable horizontal = scale_table(finish_.width, tile_width_, horizontal_words);
  const ResampleTable vertical = scale_table(finish_.height, tile_height_, vertical_words);
  Pixels tile(std::size_t{tile_width_} * tile_height_ * 3);
  resample({picture.data(), finish_.width, finish_.height, std::size_t{finish_.width} * 3}, horizontal,
           vertical, tile.data());
  return tile;
}

std::vector<std::byte> ContactSheet::png() const {
  if (tiles_.empty()) return {};
  const auto count = static_cast<std::uint32_t>(tiles_.size());
  const auto square = static_cast<std::uint32_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  const std::uint32_t columns = std::min(columns_max, square);
  const std::uint32_t lines = (count + columns - 1) / columns;
  const std::uint32_t width = gap_pixels + columns * (tile_width_ + gap_pixels);
  const std::uint32_t height = gap_pixels + lines * (tile_height_ + gap_pixels);
  Pixels sheet(std::size_t{width} * height * 3, background);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t left = gap_pixels + (i % columns) * (tile_width_ + gap_pixels);
    const std::size_t top = gap_pixels + (i / columns) * (tile_height_ + gap_pixels);
    const std::size_t line_bytes = std::size_t{tile_width_} * 3;
    for (std::size_t y = 0; y < tile_height_; ++y) {
      std::copy_n(tiles_[i].data() + y * line_bytes, line_bytes,
                  sheet.data() + ((top + y) * width + left) * 3);
    }
  }
  return encode_png(sheet, width, height);
}

}  // namespace forebay
