#include "pipeline/decode/orientation.h"

#include <algorithm>

namespace forebay {
namespace {

struct Point {
  std::uint32_t x;
  std::uint32_t y;
};

/// Where the upright pixel `at` lies in the stored picture (PIL.Image.Transpose, inverted).
Point to_stored(Point at, const StoredSize& stored, std::uint8_t orientation) noexcept {
  const std::uint32_t right = stored.width - 1;
  const std::uint32_t bottom = stored.height - 1;
  switch (orientation) {
    case 2: return {right - at.x, at.y};
    case 3: return {right - at.x, bottom - at.y};
    case 4: return {at.x, bottom - at.y};
    case 5: return {at.y, at.x};
    case 6: return {at.y, bottom - at.x};
    case 7: return {right - at.y, bottom - at.x};
    case 8: return {right - at.y, at.x};
    default: return at;
  }
}

/// The orientation that undoes another one: rotations by a quarter swap, all others undo themselves.
std::uint8_t inverse_of(std::uint8_t orientation) noexcept {
  return orientation == 6 ? std::uint8_t{8} : orientation == 8 ? std::uint8_t{6} : orientation;
}

}  // namespace

Region stored_region(const Region& upright, const StoredSize& stored, std::uint8_t orientation) noexcept {
  const Point a = to_stored({upright.x, upright.y}, stored, orientation);
  const Point b =
      to_stored({upright.x + upright.width - 1, upright.y + upright.height - 1}, stored, orientation);
  const Point from{std::min(a.x, b.x), std::min(a.y, b.y)};
  return {from.x, from.y, std::max(a.x, b.x) - from.x + 1, std::max(a.y, b.y) - from.y + 1};
}

Region upright_region(const Region& in_stored, const StoredSize& stored, std::uint8_t orientation) noexcept {
  const StoredSize upright = swaps_axes(orientation) ? StoredSize{stored.height, stored.width} : stored;
  return stored_region(in_stored, upright, inverse_of(orientation));
}

void write_upright(const std::uint8_t* pixels, std::uint32_t width, std::uint32_t height,
                   std::uint8_t orientation, std::uint8_t* out) noexcept {
  const StoredSize stored{width, height};
  const std::uint32_t out_width = swaps_axes(orientation) ? height : width;
  const std::uint32_t out_height = swaps_axes(orientation) ? width : height;
  for (std::uint32_t y = 0; y < out_height; ++y) {
    for (std::uint32_t x = 0; x < out_width; ++x, out += rgb_bytes) {
      const Point from = to_stored({x, y}, stored, orientation);
      const std::uint8_t* pixel = pixels + (std::size_t{from.y} * width + from.x) * rgb_bytes;
      out[0] = pixel[0];
      out[1] = pixel[1];
      out[2] = pixel[2];
    }
  }
}

}  // namespace forebay
