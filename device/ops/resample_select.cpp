#include <algorithm>
#include <cstring>
#include <vector>

#include "device/ops/resample_passes.h"

namespace forebay::passes {
namespace {

/// The columns follow one another without a gap: a row of the result is a piece of a row of the source.
bool are_consecutive(const std::vector<Window>& columns) {
  for (std::size_t x = 0; x < columns.size(); ++x) {
    if (columns[x].count == 0 || columns[x].first != columns[0].first + x) return false;
  }
  return !columns.empty();
}

void select_row(const std::uint8_t* row, const std::vector<Window>& columns, std::uint8_t* out) {
  for (const Window& column : columns) {
    if (column.count != 0) {
      const std::uint8_t* pixel = row + std::size_t{column.first} * rgb_bytes;
      out[0] = pixel[0];
      out[1] = pixel[1];
      out[2] = pixel[2];
    } else {
      out[0] = out[1] = out[2] = 0;
    }
    out += rgb_bytes;
  }
}

}  // namespace

bool is_selection(const ResampleTable& table) noexcept {
  if (table.taps != 1) return false;
  const std::int32_t* weights = table.weights();
  return std::all_of(weights, weights + table.outputs, [](std::int32_t weight) {
    return weight == 1 << resample_precision_bits || weight == 0;
  });
}

void select_pixels(const ImageView& source, const ResampleTable& horizontal, const ResampleTable& vertical,
                   std::uint8_t* out) {
  std::vector<Window> columns(horizontal.outputs);
  for (std::uint32_t x = 0; x < horizontal.outputs; ++x) {
    columns[x] = window_of(horizontal, x, source.width);
    if (horizontal.weights()[x] == 0) columns[x].count = 0;
  }
  const bool whole = are_consecutive(columns);
  const std::size_t row_bytes = std::size_t{horizontal.outputs} * rgb_bytes;
  for (std::uint32_t y = 0; y < vertical.outputs; ++y, out += row_bytes) {
    const Window window = window_of(vertical, y, source.height);
    const std::uint8_t* row = source.pixels + window.first * source.row_bytes;
    if (window.count == 0 || vertical.weights()[y] == 0) {
      std::memset(out, 0, row_bytes);
    } else if (whole) {
      std::memcpy(out, row + std::size_t{columns[0].first} * rgb_bytes, row_bytes);
    } else {
      select_row(row, columns, out);
    }
  }
}

}  // namespace forebay::passes
