#include "pipeline/flow/slot_table.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

TEST(SlotTable, WalksTheLifeCycle) {
  SlotTable table(2, 2);
  EXPECT_EQ(table.free_slots(1), 2U);
  const auto lease = table.lease(1);
  ASSERT_TRUE(lease);
  EXPECT_TRUE(table.holds(*lease, SlotState::filling));
  EXPECT_EQ(table.free_slots(1), 1U);
  EXPECT_EQ(table.free_slots(0), 2U) << "another worker's strip is untouched";
  table.move(SlotMove::finish, *lease);
  table.move(SlotMove::take, *lease);
  table.move(SlotMove::put_back, *lease);
  EXPECT_TRUE(table.holds(*lease, SlotState::ready));
  table.move(SlotMove::take, *lease);
  table.move(SlotMove::release, *lease);
  EXPECT_EQ(table.free_slots(1), 2U);
}

TEST(SlotTable, GivesNothingWhenAStripIsFull) {
  SlotTable table(1, 2);
  ASSERT_TRUE(table.lease(0));
  ASSERT_TRUE(table.lease(0));
  EXPECT_FALSE(table.lease(0));
}

TEST(SlotTable, EveryLeaseHasItsOwnGeneration) {
  SlotTable table(1, 1);
  const Lease first = *table.lease(0);
  const Lease renewed = table.renew(first);
  EXPECT_EQ(renewed.slot, first.slot);
  EXPECT_NE(renewed.generation, first.generation);
  EXPECT_FALSE(table.holds(first, SlotState::filling)) << "the dead worker's lease is void";
  EXPECT_TRUE(table.holds(renewed, SlotState::filling));
}

TEST(SlotTable, ARevokedReadySlotIsFree) {
  SlotTable table(1, 1);
  const Lease lease = *table.lease(0);
  table.move(SlotMove::finish, lease);
  table.move(SlotMove::revoke, lease);
  EXPECT_TRUE(table.lease(0));
}

TEST(SlotTableDeathTest, AbortsWhereTheLifeCycleIsBroken) {
  SlotTable table(1, 1);
  const Lease lease = *table.lease(0);
  EXPECT_DEATH(table.move(SlotMove::take, lease), "life cycle");
  EXPECT_DEATH(table.move(SlotMove::release, lease), "life cycle");
  const Lease renewed = table.renew(lease);
  EXPECT_DEATH(table.move(SlotMove::finish, lease), "life cycle");
  table.move(SlotMove::finish, renewed);
  EXPECT_DEATH(table.move(SlotMove::finish, renewed), "life cycle");
}

TEST(SlotTable, ForeignNumbersHoldNothing) {
  SlotTable table(1, 1);
  EXPECT_FALSE(table.holds({7, 0, 1}, SlotState::free));
  EXPECT_FALSE(table.holds({0, 9, 1}, SlotState::free));
}

TEST(SlotTable, FewerMayBeAllowedThanThereAre) {
  SlotTable table(2, 4);
  const Lease first = *table.lease(0);
  const Lease second = *table.lease(0);
  table.allow(1);
  EXPECT_EQ(table.free_slots(0), 0U) << "two are held";
  EXPECT_FALSE(table.lease(0));
  EXPECT_EQ(table.free_slots(1), 1U);
  table.move(SlotMove::finish, first);
  table.move(SlotMove::deliver, first);
  EXPECT_FALSE(table.lease(0));
  table.move(SlotMove::finish, second);
  table.move(SlotMove::deliver, second);
  EXPECT_TRUE(table.lease(0));
  EXPECT_FALSE(table.lease(0));
  table.allow(4);
  EXPECT_EQ(table.free_slots(0), 3U);
}

TEST(SlotTable, IdleSlotsAreToldOnceAndLeasedLast) {
  SlotTable table(1, 4);
  EXPECT_TRUE(table.take_idle().empty()) << "all may be used";
  const Lease held = *table.lease(0);
  table.allow(2);
  const std::vector<SlotPlace> idle = table.take_idle();
  ASSERT_EQ(idle.size(), 2U);
  EXPECT_EQ(idle[0].slot, 3U);
  EXPECT_EQ(idle[1].slot, 2U);
  EXPECT_TRUE(table.take_idle().empty());
  table.allow(4);
  const Lease full = *table.lease(0);
  EXPECT_EQ(full.slot, 1U);
  EXPECT_FALSE(table.refilled(full)) << "it has its memory";
  const Lease empty = *table.lease(0);
  EXPECT_TRUE(table.refilled(empty));
  EXPECT_FALSE(table.refilled(empty)) << "once is enough";
  EXPECT_FALSE(table.refilled(held));
}

}  // namespace
}  // namespace forebay
