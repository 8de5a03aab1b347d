#include "pipeline/decode/orientation.h"

#include <gtest/gtest.h>

#include <vector>

namespace forebay {
namespace {

TEST(Orientation, RegionsMapThereAndBack) {
  const StoredSize stored{7, 5};
  for (std::uint8_t orientation = 1; orientation <= 8; ++orientation) {
    const std::uint32_t width = swaps_axes(orientation) ? stored.height : stored.width;
    const std::uint32_t height = swaps_axes(orientation) ? stored.width : stored.height;
    for (std::uint32_t x = 0; x < width; ++x) {
      for (std::uint32_t y = 0; y < height; ++y) {
        const Region region{x, y, width - x, 1};
        const Region in_file = stored_region(region, stored, orientation);
        ASSERT_LE(in_file.x + in_file.width, stored.width);
        ASSERT_LE(in_file.y + in_file.height, stored.height);
        ASSERT_EQ(upright_region(in_file, stored, orientation), region) << int{orientation};
      }
    }
  }
}

TEST(Orientation, SixTurnsAQuarterClockwise) {
  // Stored 2 x 1: red, green. Upright 1 x 2: red above green.
  const std::vector<std::uint8_t> stored{255, 0, 0, 0, 255, 0};
  std::vector<std::uint8_t> upright(6);
  write_upright(stored.data(), 2, 1, 6, upright.data());
  EXPECT_EQ(upright, stored);
  write_upright(stored.data(), 2, 1, 8, upright.data());
  EXPECT_EQ(upright, (std::vector<std::uint8_t>{0, 255, 0, 255, 0, 0}));
}

}  // namespace
}  // namespace forebay
