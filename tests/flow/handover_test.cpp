#include "pipeline/flow/handover.h"

#include <gtest/gtest.h>

#include <thread>

#include "host/error.h"

namespace forebay {
namespace {

Chunk chunk(std::uint64_t batch, std::uint64_t first, std::uint32_t count) {
  Chunk made;
  made.batch = batch;
  made.first_item = first;
  made.items.resize(count);
  return made;
}

TEST(Handover, DeliversInOrderAcrossThreads) {
  Handover handover(BatchGrid(4), Order::index);
  constexpr std::uint64_t batches = 500;
  std::jthread flow([&] {
    for (std::uint64_t batch = 0; batch < batches; ++batch) {
      handover.offer(chunk(batch, batch * 4 + 2, 2));  // the second half first
      handover.offer(chunk(batch, batch * 4, 2));
    }
    handover.set_total(batches * 4);
    handover.finish();
  });
  std::uint64_t next = 0;
  while (const auto batch = handover.next_batch()) {
    ASSERT_EQ(batch->batch, next);
    std::uint64_t cursor = batch->first_item;
    while (const auto piece = handover.next_chunk(batch->batch, cursor)) cursor = piece->end_item();
    ASSERT_EQ(cursor, next * 4 + 4);
    ++next;
  }
  EXPECT_EQ(next, batches);
}

TEST(Handover, StopCutsTheBatchAndEndsThere) {
  Handover handover(BatchGrid(4), Order::index);
  handover.offer(chunk(0, 0, 2));
  handover.offer(chunk(1, 4, 4));
  EXPECT_EQ(handover.next_batch().value().batch, 0U);
  handover.stop();
  EXPECT_TRUE(handover.next_chunk(0, 0));
  EXPECT_FALSE(handover.next_chunk(0, 2)) << "not ready: the batch is cut";
  EXPECT_FALSE(handover.next_batch()) << "batch 1 is ready, but would leave a gap";
}

TEST(Handover, NoBatchIsBegunAfterStop) {
  Handover handover(BatchGrid(4), Order::index);
  handover.offer(chunk(0, 0, 4));
  handover.stop();
  EXPECT_FALSE(handover.next_batch()) << "to build a large one takes seconds";
}

TEST(Handover, AFailureIsThrownAfterWhatWasReady) {
  Handover handover(BatchGrid(2), Order::index);
  handover.offer(chunk(0, 0, 2));
  handover.fail(std::make_exception_ptr(Error(ErrorCode::peer_died, "gone")));
  EXPECT_EQ(handover.next_batch().value().batch, 0U);
  EXPECT_TRUE(handover.next_chunk(0, 0));
  EXPECT_THROW(static_cast<void>(handover.next_batch()), Error);
  EXPECT_THROW(static_cast<void>(handover.next_batch()), Error) << "and stays so";
}

TEST(Handover, ABlockedCallerIsWokenByFailure) {
  Handover handover(BatchGrid(2), Order::index);
  std::jthread flow([&] { handover.fail(std::make_exception_ptr(Error(ErrorCode::peer_died, "gone"))); });
  EXPECT_THROW(static_cast<void>(handover.next_batch()), Error);
}

TEST(Handover, RevokesOnlyWhileTheCallerWaits) {
  Handover handover(BatchGrid(4), Order::index);
  handover.offer(chunk(1, 4, 4));
  EXPECT_FALSE(handover.revoke_last_if_waiting(0)) << "the caller may be about to take it";
  std::jthread caller([&] {
    while (handover.next_batch()) {
    }
  });
  std::optional<Chunk> revoked;
  while (!revoked) {
    revoked = handover.revoke_last_if_waiting(0);
    std::this_thread::yield();
  }
  EXPECT_EQ(revoked->first_item, 4U);
  handover.stop();
}

TEST(Handover, WhatIsGivenBackReachesTheFlow) {
  Handover handover(BatchGrid(4), Order::index);
  handover.release({1, 2, 3});
  handover.release_result(5);
  const auto leases = handover.take_released();
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(leases[0].generation, 3U);
  EXPECT_EQ(handover.take_released_results(), std::vector<std::uint32_t>{5});
  EXPECT_TRUE(handover.take_released().empty());
}

TEST(Handover, OwnerResultsComeInTheAskedOrder) {
  Handover handover(BatchGrid(4), Order::index);
  handover.offer_result({1, 0, {}});
  handover.offer_result({0, 1, {}});
  EXPECT_EQ(handover.next_result(0)->batch, 0U);
  EXPECT_EQ(handover.next_result(std::nullopt)->batch, 1U);
  handover.finish();
  EXPECT_FALSE(handover.next_result(2));
}

}  // namespace
}  // namespace forebay
