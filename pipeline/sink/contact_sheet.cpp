#include "pipeline/sink/contact_sheet.h"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cmath>

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

std::vector<std::byte> encode_png(const std::vector<std::uint8_t>& pixels, std::uint32_t width,
                                  std::uint32_t height) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  image.flags = PNG_IMAGE_FLAG_FAST;
  std::vector<std::byte> png(PNG_IMAGE_PNG_SIZE_MAX(image));
  png_alloc_size_t size = png.size();
  if (png_image_write_to_memory(&image, png.data(), &size, 0, pixels.data(), 0, nullptr) == 0) {
    throw Error(ErrorCode::no_memory, fmt::format("cannot encode contact_sheet.png: {}", image.message));
  }
  png.resize(size);
  return png;
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
