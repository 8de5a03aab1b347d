#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>

#include "pipeline/pipeline.h"

namespace forebay {
namespace {

PipelineOptions small_batches(OnError on_error = OnError::skip) {
  PipelineOptions options;
  options.workers = 2;
  options.batch = 10;
  options.on_error = on_error;
  return options;
}

void throw_at_every_seventh(Item& item) {
  const TensorView tensor = item.emplace(DType::i64, {});
  const auto value = static_cast<std::int64_t>(item.index());
  std::memcpy(tensor.data, &value, sizeof(value));
  if (item.index() % 7 == 6) throw std::runtime_error("seventh heaven");
}

TEST(StageFailure, IsDataAndLeavesNoHole) {
  Pipeline pipeline =
      PipelineBuilder::range(100).options(small_batches()).host_stage(throw_at_every_seventh).start();
  std::uint64_t row = 0;
  std::uint64_t failed = 0;
  for (const Batch& batch : pipeline) {
    std::uint64_t in_batch = 0;
    for (const ItemRecord& item : batch.items()) {
      if (item.index % 7 == 6) {
        EXPECT_EQ(item.error, ItemErrorCode::stage_failed);
        EXPECT_EQ(item.message, "seventh heaven");
        EXPECT_FALSE(item.row);
        ++failed;
        continue;
      }
      std::int64_t value = 0;
      std::memcpy(&value, static_cast<const std::byte*>(batch.tensor().data) + in_batch++ * 8, sizeof(value));
      EXPECT_EQ(value, static_cast<std::int64_t>(item.index));
      EXPECT_EQ(item.row, row++);
    }
    EXPECT_EQ(batch.rows(), in_batch);
  }
  EXPECT_EQ(failed, 14U);
  EXPECT_EQ(pipeline.stats().errors.at("stage_failed"), 14U);
}

TEST(StageFailure, UnderFailTheRunEndsWithTheFirstBadItemInOrder) {
  Pipeline pipeline = PipelineBuilder::range(100)
                          .options(small_batches(OnError::fail))
                          .host_stage(throw_at_every_seventh)
                          .start();
  std::vector<std::uint64_t> seen;
  for (const Batch& batch : pipeline) {
    for (const ItemRecord& item : batch.items()) seen.push_back(item.index);
  }
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
  ASSERT_TRUE(pipeline.failure());
  EXPECT_EQ(pipeline.failure()->index, 6U);
  EXPECT_EQ(pipeline.stats().rows, 6U);
}

TEST(StageFailure, AnythingMayBeThrown) {
  Pipeline pipeline =
      PipelineBuilder::range(2)
          .options(small_batches())
          .host_stage([](Item&) { throw 42; })  // NOLINT(hicpp-exception-baseclass): the point
          .start();
  const auto batch = pipeline.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->items()[0].error, ItemErrorCode::stage_failed);
  EXPECT_NE(batch->items()[0].message.find("std::exception"), std::string::npos);
}

TEST(StageFailure, ATensorThatDiffersFromTheBatchIsTheItemsFailure) {
  Pipeline pipeline =
      PipelineBuilder::range(4)
          .options(small_batches())
          .host_stage([](Item& item) {
            const std::int64_t size = item.index() == 2 ? 5 : 4;
            std::memset(item.emplace(DType::u8, {size}).data, 1, static_cast<std::size_t>(size));
          })
          .start();
  const auto batch = pipeline.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->rows(), 3U);
  EXPECT_EQ(batch->items()[2].error, ItemErrorCode::stage_failed);
  EXPECT_NE(batch->items()[2].message.find("u8 [5]"), std::string::npos) << batch->items()[2].message;
}

TEST(StageFailure, ATensorLargerThanASlotNamesBothSizes) {
  PipelineOptions options = small_batches();
  options.slot_bytes = 8192;
  Pipeline pipeline =
      PipelineBuilder::range(3)
          .options(options)
          .host_stage([](Item& item) {
            const std::int64_t size = item.index() == 1 ? 9000 : 8000;
            std::memset(item.emplace(DType::u8, {size}).data, 1, static_cast<std::size_t>(size));
          })
          .start();
  std::vector<ItemRecord> items;
  for (const Batch& batch : pipeline) items.insert(items.end(), batch.items().begin(), batch.items().end());
  ASSERT_EQ(items.size(), 3U);
  EXPECT_TRUE(items[0].ok());
  EXPECT_TRUE(items[2].ok());
  EXPECT_EQ(items[1].error, ItemErrorCode::too_large);
  EXPECT_NE(items[1].message.find("9000"), std::string::npos) << items[1].message;
  EXPECT_NE(items[1].message.find("8192"), std::string::npos) << items[1].message;
  EXPECT_NE(items[1].message.find("--slot-mb"), std::string::npos) << items[1].message;
}

}  // namespace
}  // namespace forebay
