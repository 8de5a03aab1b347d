#include "pipeline/flow/strip.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>

namespace forebay {
namespace {

constexpr StripLayout layout{3, 512 << 10U};

std::uint64_t bytes_taken(const Strip& strip) {
  struct stat status {};
  EXPECT_EQ(::fstat(strip.fd(), &status), 0);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

TEST(Strip, AnEmptiedSlotGivesItsMemoryBackAndItsNeighboursKeepTheirs) {
  const Strip strip = Strip::create(layout);
  for (std::uint32_t slot = 0; slot < layout.slots; ++slot) {
    std::ranges::fill(strip.payload(slot), std::byte{7});
    strip.slot_header(slot).first_item = 100 + slot;
  }
  const std::uint64_t all = bytes_taken(strip);
  EXPECT_GE(all, layout.bytes());
  strip.empty(1);
  // Where pages are huge, those that a neighbour shares stay.
  EXPECT_LE(bytes_taken(strip), all);
  EXPECT_TRUE(std::ranges::all_of(strip.payload(1), [](std::byte b) { return b == std::byte{0}; }));
  for (const std::uint32_t slot : {0U, 2U}) {
    EXPECT_TRUE(std::ranges::all_of(strip.payload(slot), [](std::byte b) { return b == std::byte{7}; }));
    EXPECT_EQ(strip.slot_header(slot).first_item, 100U + slot);
  }
  EXPECT_EQ(strip.slot_header(1).first_item, 101U) << "the head is no payload";
}

TEST(Strip, ARefilledSlotHasAllItsMemory) {
  const Strip strip = Strip::create(layout);
  const std::uint64_t all = bytes_taken(strip);
  strip.empty(2);
  const std::uint64_t less = bytes_taken(strip);
  if (less == all) GTEST_SKIP() << "huge pages: nothing was given back";
  EXPECT_EQ(less, all - layout.payload_bytes);
  strip.refill(2);
  EXPECT_EQ(bytes_taken(strip), all);
}

}  // namespace
}  // namespace forebay
