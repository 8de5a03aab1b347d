#pragma once

#include <cstdint>
#include <random>
#include <vector>

/// A painted picture: 8-bit RGB, rows packed.
struct Picture {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> pixels;
};

/// Paints something that a JPEG encoder finds about as hard as a photo: light falling over a ground, noise at
/// several scales, discs and bars with hard edges. The same random state gives the same picture.
[[nodiscard]] Picture paint_picture(std::mt19937_64& random, std::uint32_t width, std::uint32_t height);
