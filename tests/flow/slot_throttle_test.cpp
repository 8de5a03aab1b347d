#include "pipeline/flow/slot_throttle.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

using std::chrono::seconds;
constexpr SlotThrottle::TimePoint start{std::chrono::hours(1)};

TEST(SlotThrottle, HalvesAtEveryShortLookDownToTheFloor) {
  SlotThrottle throttle(6, 1);
  EXPECT_FALSE(throttle.throttled());
  EXPECT_TRUE(throttle.note(true, start));
  EXPECT_EQ(throttle.slots(), 3U);
  EXPECT_TRUE(throttle.throttled());
  EXPECT_TRUE(throttle.note(true, start + seconds(1)));
  EXPECT_EQ(throttle.slots(), 1U);
  EXPECT_FALSE(throttle.note(true, start + seconds(2)));
  EXPECT_EQ(throttle.slots(), 1U);
}

TEST(SlotThrottle, GrowsByOneAfterEachCalmSpell) {
  SlotThrottle throttle(4, 1);
  static_cast<void>(throttle.note(true, start));
  static_cast<void>(throttle.note(true, start));
  EXPECT_FALSE(throttle.note(false, start + limits::pressure_calm - seconds(1)));
  EXPECT_TRUE(throttle.note(false, start + limits::pressure_calm));
  EXPECT_EQ(throttle.slots(), 2U);
  EXPECT_FALSE(throttle.note(false, start + limits::pressure_calm + seconds(1)));
  EXPECT_TRUE(throttle.note(false, start + 2 * limits::pressure_calm));
  EXPECT_TRUE(throttle.note(false, start + 3 * limits::pressure_calm));
  EXPECT_EQ(throttle.slots(), 4U);
  EXPECT_FALSE(throttle.throttled());
  EXPECT_FALSE(throttle.note(false, start + 9 * limits::pressure_calm));
  EXPECT_EQ(throttle.least(), 1U) << "it is remembered";
}

TEST(SlotThrottle, AShortLookBeginsTheSpellAnew) {
  SlotThrottle throttle(2, 1);
  static_cast<void>(throttle.note(true, start));
  static_cast<void>(throttle.note(true, start + seconds(9)));
  EXPECT_FALSE(throttle.note(false, start + limits::pressure_calm));
  EXPECT_TRUE(throttle.note(false, start + seconds(9) + limits::pressure_calm));
}

TEST(SlotThrottle, NeverBelowItsFloorNorAboveWhatThereIs) {
  SlotThrottle throttle(6, 2);
  for (int looks = 0; looks < 5; ++looks) static_cast<void>(throttle.note(true, start));
  EXPECT_EQ(throttle.slots(), 2U);
  SlotThrottle single(1, 2);
  EXPECT_FALSE(single.note(true, start));
  EXPECT_EQ(single.slots(), 1U);
}

}  // namespace
}  // namespace forebay
