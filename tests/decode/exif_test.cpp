#include "pipeline/decode/exif.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace forebay {
namespace {

std::vector<std::byte> block(bool little, std::uint16_t orientation) {
  std::vector<std::byte> bytes;
  const auto put = [&](std::uint32_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t shift = little ? 8 * i : 8 * (size - 1 - i);
      bytes.push_back(static_cast<std::byte>(value >> shift & 0xFFU));
    }
  };
  bytes.assign(2, static_cast<std::byte>(little ? 'I' : 'M'));
  put(42, 2);
  put(8, 4);
  put(2, 2);  // two entries
  for (const std::uint32_t tag : {0x010FU, 0x0112U}) {
    put(tag, 2);
    put(3, 2);
    put(1, 4);
    put(tag == 0x0112U ? orientation : 7, 2);
    put(0, 2);
  }
  return bytes;
}

TEST(Exif, ReadsBothByteOrders) {
  for (std::uint16_t orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(exif_orientation(block(true, orientation)), orientation);
    EXPECT_EQ(exif_orientation(block(false, orientation)), orientation);
  }
}

TEST(Exif, NonsenseIsUpright) {
  EXPECT_EQ(exif_orientation({}), 1);
  EXPECT_EQ(exif_orientation(block(true, 0)), 1);
  EXPECT_EQ(exif_orientation(block(true, 9)), 1);
  auto wrong = block(true, 6);
  wrong[0] = std::byte{'X'};
  EXPECT_EQ(exif_orientation(wrong), 1);
}

TEST(Exif, NeverReadsBeyondTheBlock) {
  std::mt19937 random(1);
  for (int round = 0; round < 100'000; ++round) {
    auto bytes = block(round % 2 == 0, 6);
    for (int change = 0; change < 3; ++change)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    bytes.resize(random() % (bytes.size() + 1));
    bytes.shrink_to_fit();  // so that AddressSanitizer sees the first byte beyond
    const auto orientation = exif_orientation(bytes);
    ASSERT_GE(orientation, 1);
    ASSERT_LE(orientation, 8);
  }
}

}  // namespace
}  // namespace forebay
