#include "pipeline/flow/ready_chunks.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

Chunk chunk(std::uint64_t batch, std::uint64_t first, std::uint32_t count) {
  Chunk made;
  made.batch = batch;
  made.first_item = first;
  made.items.resize(count);
  return made;
}

TEST(ReadyChunks, IndexOrderWaitsForTheFirstChunkOfTheNextBatch) {
  ReadyChunks ready(BatchGrid(4), Order::index);
  ready.offer(chunk(1, 4, 4));
  EXPECT_FALSE(ready.pick_batch(false));
  EXPECT_FALSE(ready.pick_batch(true)) << "starvation changes nothing in index order";
  ready.offer(chunk(0, 0, 2));
  EXPECT_EQ(ready.pick_batch(false), 0U) << "a batch is built progressively";
  EXPECT_EQ(ready.pick_batch(false), 1U);
}

TEST(ReadyChunks, CompletionOrderPrefersACompleteBatch) {
  ReadyChunks ready(BatchGrid(4), Order::completion);
  ready.offer(chunk(0, 0, 2));
  EXPECT_FALSE(ready.pick_batch(false));
  ready.offer(chunk(1, 4, 4));
  EXPECT_EQ(ready.pick_batch(false), 1U);
  EXPECT_FALSE(ready.pick_batch(false));
  EXPECT_EQ(ready.pick_batch(true), 0U) << "without a free slot the oldest is built as it comes";
}

TEST(ReadyChunks, TheLastBatchIsShort) {
  ReadyChunks ready(BatchGrid(4), Order::completion);
  ready.offer(chunk(0, 0, 3));
  EXPECT_FALSE(ready.pick_batch(false)) << "whether three items are all is not known yet";
  ready.set_total(3);
  EXPECT_EQ(ready.batch_end(0), 3U);
  EXPECT_EQ(ready.pick_batch(false), 0U);
  EXPECT_TRUE(ready.exhausted());
}

TEST(ReadyChunks, AnEmptyPlanIsExhausted) {
  ReadyChunks ready(BatchGrid(4), Order::index);
  EXPECT_FALSE(ready.exhausted());
  ready.set_total(0);
  EXPECT_TRUE(ready.exhausted());
  EXPECT_FALSE(ready.pick_batch(true));
}

TEST(ReadyChunks, TakesByFirstItemOnce) {
  ReadyChunks ready(BatchGrid(4), Order::index);
  ready.offer(chunk(0, 2, 2));
  EXPECT_FALSE(ready.take(0));
  EXPECT_TRUE(ready.take(2));
  EXPECT_FALSE(ready.take(2));
}

TEST(ReadyChunks, RevokesOnlyWhatIsLater) {
  ReadyChunks ready(BatchGrid(4), Order::index);
  ready.offer(chunk(0, 0, 2));
  ready.offer(chunk(2, 8, 4));
  EXPECT_FALSE(ready.revoke_last(8));
  const auto revoked = ready.revoke_last(3);
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->first_item, 8U);
  EXPECT_TRUE(ready.has(0));
}

}  // namespace
}  // namespace forebay
