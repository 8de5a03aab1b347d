#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "device/backend.h"
#include "device/ops/portable.h"
#include "device/ops/resample_window.h"

/// The picture operators over a whole chunk, as functors over an index: thrust::for_each over a counting
/// iterator runs them on every backend. They hold everything by value (a kernel parameter: no second upload),
/// and touch nothing outside of the chunk, whatever its tables contain.
namespace forebay {

/// A chunk's items with the work of the first pass laid out one after the other: item i owns the intermediate
/// pixels [first_pixel[i], first_pixel[i + 1]). Prepared items own none.
struct ChunkWork {
  ItemOp items[chunk_items_max];
  std::uint64_t first_pixel[chunk_items_max + 1];
  std::uint32_t count;
  std::uint32_t width;  ///< of the result
  std::uint32_t height;

  /// Lays the work out. Host only.
  ChunkWork(std::span<const ItemOp> ops, std::uint32_t result_width, std::uint32_t result_height) noexcept
      : items{},
        first_pixel{},
        count(static_cast<std::uint32_t>(ops.size())),
        width(result_width),
        height(result_height) {
    for (std::size_t i = 0; i < ops.size(); ++i) {
      items[i] = ops[i];
      const std::uint64_t rows = ops[i].horizontal_taps == 0 ? 0 : ops[i].height;
      first_pixel[i + 1] = first_pixel[i] + rows * width;
    }
  }
  /// Pixels of the first pass; the intermediate takes three bytes for each.
  [[nodiscard]] std::uint64_t between_pixels() const noexcept { return first_pixel[count]; }
  [[nodiscard]] std::uint64_t result_pixels() const noexcept { return std::uint64_t{count} * width * height; }

  /// The item that owns an intermediate pixel.
  [[nodiscard]] FOREBAY_HD std::uint32_t owner_of(std::uint64_t pixel) const noexcept {
    std::uint32_t low = 0;
    std::uint32_t high = count;
    while (high - low > 1) {
      const std::uint32_t middle = (low + high) / 2;
      if (first_pixel[middle] <= pixel) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }
};

/// A resample table inside a chunk.
struct ChunkTable {
  const std::int32_t* words;
  std::uint32_t outputs;
  std::uint32_t taps;

  [[nodiscard]] FOREBAY_HD passes::Window window(std::uint32_t output, std::uint32_t inputs) const noexcept {
    return passes::clamp_window(words[output], words[outputs + output], inputs, taps);
  }
  [[nodiscard]] FOREBAY_HD const std::int32_t* weights(std::uint32_t output) const noexcept {
    return words + 2 * std::size_t{outputs} + std::size_t{output} * taps;
  }
};

/// Three fixed-point sums over pixels `step` bytes apart.
struct RgbSum {
  std::uint32_t red = passes::rounding;
  std::uint32_t green = passes::rounding;
  std::uint32_t blue = passes::rounding;

  FOREBAY_HD void add(const std::uint8_t* pixel, std::size_t step, const std::int32_t* weights,
                      std::uint32_t count) noexcept {
    for (std::uint32_t tap = 0; tap < count; ++tap, pixel += step) {
      const auto weight = static_cast<std::uint32_t>(weights[tap]);
      red += pixel[0] * weight;
      green += pixel[1] * weight;
      blue += pixel[2] * weight;
    }
  }
};

/// First pass: one intermediate pixel, across its row.
struct HorizontalFunctor {
  ChunkWork work;
  const std::byte* chunk;
  std::uint8_t* between;

  FOREBAY_HD void operator()(std::uint64_t pixel) const noexcept {
    const std::uint32_t number = work.owner_of(pixel);
    const ItemOp& item = work.items[number];
    const std::uint64_t local = pixel - work.first_pixel[number];
    const auto y = static_cast<std::uint32_t>(local / work.width);
    const auto x = static_cast<std::uint32_t>(local % work.width);
    const ChunkTable table{reinterpret_cast<const std::int32_t*>(chunk + item.horizontal), work.width,
                           item.horizontal_taps};
    const passes::Window window = table.window(x, item.width);
    const auto* pixels = reinterpret_cast<const std::uint8_t*>(chunk + item.pixels);
    RgbSum sum;
    sum.add(pixels + (std::size_t{y} * item.width + window.first) * 3, 3, table.weights(x), window.count);
    std::uint8_t* out = between + pixel * 3;
    out[0] = passes::clip8(sum.red);
    out[1] = passes::clip8(sum.green);
    out[2] = passes::clip8(sum.blue);
  }
};

/// Second pass and last operator: one result pixel, down its column, then converted, normalised and laid out.
struct FinishFunctor {
  ChunkWork work;
  const std::byte* chunk;
  const std::uint8_t* between;
  const std::uint32_t* table;  ///< FinishTable::bits: 3 x 256 words
  std::byte* rows;             ///< the batch
  DType dtype;
  Layout layout;

  FOREBAY_HD void operator()(std::uint64_t pixel) const noexcept {
    const std::uint64_t plane = std::uint64_t{work.width} * work.height;
    const auto number = static_cast<std::uint32_t>(pixel / plane);
    const std::uint64_t at = pixel % plane;
    const ItemOp& item = work.items[number];
    const auto* pixels = reinterpret_cast<const std::uint8_t*>(chunk + item.pixels);
    if (item.horizontal_taps == 0) {
      const std::uint8_t* from = pixels + at * 3;
      store(item.row, at, plane, from[0], from[1], from[2]);
      return;
    }
    const auto y = static_cast<std::uint32_t>(at / work.width);
    const auto x = static_cast<std::uint32_t>(at % work.width);
    const ChunkTable vertical{reinterpret_cast<const std::int32_t*>(chunk + item.vertical), work.height,
                              item.vertical_taps};
    const passes::Window window = vertical.window(y, item.height);
    const std::size_t row_bytes = std::size_t{work.width} * 3;
    RgbSum sum;
    sum.add(between + (work.first_pixel[number] + std::uint64_t{window.first} * work.width + x) * 3,
            row_bytes, vertical.weights(y), window.count);
    store(item.row, at, plane, passes::clip8(sum.red), passes::clip8(sum.green), passes::clip8(sum.blue));
  }

 private:
  FOREBAY_HD void store(std::uint64_t row, std::uint64_t at, std::uint64_t plane, std::uint8_t red,
                        std::uint8_t green, std::uint8_t blue) const noexcept {
    const bool planar = layout == Layout::nchw;
    const std::uint64_t first = row * plane * 3 + (planar ? at : at * 3);
    const std::uint64_t step = planar ? plane : 1;
    put(first, table[red]);
    put(first + step, table[256 + green]);
    put(first + 2 * step, table[512 + blue]);
  }
  FOREBAY_HD void put(std::uint64_t element, std::uint32_t bits) const noexcept {
    switch (dtype) {
      case DType::u8: reinterpret_cast<std::uint8_t*>(rows)[element] = static_cast<std::uint8_t>(bits); break;
      case DType::f16:
      case DType::bf16:
        reinterpret_cast<std::uint16_t*>(rows)[element] = static_cast<std::uint16_t>(bits);
        break;
      default: reinterpret_cast<std::uint32_t*>(rows)[element] = bits; break;
    }
  }
};

}  // namespace forebay
