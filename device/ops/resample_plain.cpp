#include <algorithm>
#include <array>

#include "device/ops/resample_passes.h"

namespace forebay::passes {

void horizontal_plain(const ImageView& source, const ResampleTable& table, std::uint8_t* out) {
  for (std::uint32_t y = 0; y < source.height; ++y) {
    const std::uint8_t* row = source.pixels + y * source.row_bytes;
    for (std::uint32_t x = 0; x < table.outputs; ++x, out += rgb_bytes) {
      const Window window = window_of(table, x, source.width);
      const std::int32_t* weights = table.weights() + std::size_t{x} * table.taps;
      const std::uint8_t* pixel = row + std::size_t{window.first} * rgb_bytes;
      std::uint32_t red = rounding;
      std::uint32_t green = rounding;
      std::uint32_t blue = rounding;
      for (std::uint32_t tap = 0; tap < window.count; ++tap, pixel += rgb_bytes) {
        const auto weight = static_cast<std::uint32_t>(weights[tap]);
        red += pixel[0] * weight;
        green += pixel[1] * weight;
        blue += pixel[2] * weight;
      }
      out[0] = clip8(red);
      out[1] = clip8(green);
      out[2] = clip8(blue);
    }
  }
}

void vertical_plain(const std::uint8_t* source, std::uint32_t rows, std::size_t row_bytes,
                    const ResampleTable& table, std::uint8_t* out) {
  // Blocks of columns whose sums stay in registers or the first cache, so that compilers find the vectors
  // themselves.
  constexpr std::size_t block = 64;
  for (std::uint32_t y = 0; y < table.outputs; ++y, out += row_bytes) {
    const Window window = window_of(table, y, rows);
    const std::int32_t* weights = table.weights() + std::size_t{y} * table.taps;
    const std::uint8_t* first = source + window.first * row_bytes;
    for (std::size_t begin = 0; begin < row_bytes; begin += block) {
      const std::size_t count = std::min(block, row_bytes - begin);
      std::array<std::uint32_t, block> sums{};
      sums.fill(rounding);
      for (std::uint32_t tap = 0; tap < window.count; ++tap) {
        const std::uint8_t* row = first + tap * row_bytes + begin;
        const auto weight = static_cast<std::uint32_t>(weights[tap]);
        for (std::size_t i = 0; i < count; ++i) sums[i] += row[i] * weight;
      }
      for (std::size_t i = 0; i < count; ++i) out[begin + i] = clip8(sums[i]);
    }
  }
}

}  // namespace forebay::passes
