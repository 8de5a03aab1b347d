#include "samples/picture_painter.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace {

double uniform(std::mt19937_64& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random() >> 11U) * 0x1p-53;
}

/// Smooth noise: random values on a coarse grid, blended between.
class ValueNoise {
 public:
  ValueNoise(std::mt19937_64& random, std::uint32_t cells)
      : cells_(cells), values_(std::size_t{cells + 1} * (cells + 1)) {
    for (float& value : values_) value = static_cast<float>(uniform(random, -1, 1));
  }
  /// `x` and `y` in [0, 1).
  [[nodiscard]] float at(float x, float y) const {
    const float fx = x * static_cast<float>(cells_);
    const float fy = y * static_cast<float>(cells_);
    const auto ix = static_cast<std::size_t>(fx);
    const auto iy = static_cast<std::size_t>(fy);
    const float tx = fx - static_cast<float>(ix);
    const float ty = fy - static_cast<float>(iy);
    const float* row = values_.data() + iy * (cells_ + 1) + ix;
    const float* next = row + cells_ + 1;
    const float top = row[0] + (row[1] - row[0]) * tx;
    const float bottom = next[0] + (next[1] - next[0]) * tx;
    return top + (bottom - top) * ty;
  }

 private:
  std::size_t cells_;
  std::vector<float> values_;
};

struct Shape {
  float x;
  float y;
  float size;
  bool disc;
  std::array<float, 3> colour;
  [[nodiscard]] bool covers(float px, float py) const {
    if (disc) return (px - x) * (px - x) + (py - y) * (py - y) < size * size;
    return std::abs(px - x) < size && std::abs(py - y) < size * 0.3F;
  }
};

std::array<float, 3> random_colour(std::mt19937_64& random) {
  return {static_cast<float>(uniform(random, 20, 235)), static_cast<float>(uniform(random, 20, 235)),
          static_cast<float>(uniform(random, 20, 235))};
}

std::vector<Shape> random_shapes(std::mt19937_64& random) {
  std::vector<Shape> shapes(4 + random() % 8);
  for (Shape& shape : shapes) {
    shape = {static_cast<float>(uniform(random, 0, 1)), static_cast<float>(uniform(random, 0, 1)),
             static_cast<float>(uniform(random, 0.02, 0.2)), random() % 2 == 0, random_colour(random)};
  }
  return shapes;
}

}  // namespace

Picture paint_picture(std::mt19937_64& random, std::uint32_t width, std::uint32_t height) {
  Picture picture{width, height, std::vector<std::uint8_t>(std::size_t{width} * height * 3)};
  const ValueNoise coarse(random, 6);
  const ValueNoise middle(random, 40);
  const ValueNoise fine(random, 160);
  const std::vector<Shape> shapes = random_shapes(random);
  const std::array<float, 3> sky = random_colour(random);
  const std::array<float, 3> ground = random_colour(random);
  const auto grain = static_cast<float>(uniform(random, 2, 9));
  std::uint8_t* out = picture.pixels.data();
  for (std::uint32_t y = 0; y < height; ++y) {
    const float v = static_cast<float>(y) / static_cast<float>(height);
    for (std::uint32_t x = 0; x < width; ++x) {
      const float u = static_cast<float>(x) / static_cast<float>(width);
      const float light = 30 * coarse.at(u, v) + 18 * middle.at(u, v) + 10 * fine.at(u, v) +
                          grain * (static_cast<float>(random() >> 40U) * 0x1p-23F - 1.0F);
      const Shape* on_top = nullptr;
      for (const Shape& shape : shapes) {
        if (shape.covers(u, v)) on_top = &shape;
      }
      for (std::size_t channel = 0; channel < 3; ++channel) {
        const float base =
            on_top != nullptr ? on_top->colour[channel] : sky[channel] + (ground[channel] - sky[channel]) * v;
        *out++ = static_cast<std::uint8_t>(std::clamp(base + light, 0.0F, 255.0F));
      }
    }
  }
  return picture;
}
