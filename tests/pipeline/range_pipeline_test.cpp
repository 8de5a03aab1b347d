#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstring>
#include <set>
#include <vector>

#include "host/error.h"
#include "pipeline/pipeline.h"

namespace forebay {
namespace {

/// A tensor that only depends on the item: 16 numbers.
void fill_numbers(Item& item) {
  const TensorView tensor = item.emplace(DType::i32, {16});
  auto* values = static_cast<std::int32_t*>(tensor.data);
  for (int i = 0; i < 16; ++i) values[i] = static_cast<std::int32_t>(item.index()) * 100 + i;
}

std::int32_t value_at(const Batch& batch, std::uint64_t row, std::uint64_t column) {
  std::int32_t value = 0;
  std::memcpy(&value, static_cast<const std::byte*>(batch.tensor().data) + (row * 16 + column) * 4,
              sizeof(value));
  return value;
}

PipelineOptions options_with(std::uint32_t workers, std::uint32_t batch) {
  PipelineOptions options;
  options.workers = workers;
  options.batch = batch;
  return options;
}

class RangePipeline : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RangePipeline, DeliversEveryItemOnceInOrder) {
  constexpr std::uint64_t count = 1003;
  Pipeline pipeline =
      PipelineBuilder::range(count).options(options_with(GetParam(), 37)).host_stage(fill_numbers).start();
  std::uint64_t next = 0;
  std::uint64_t sequence = 0;
  for (const Batch& batch : pipeline) {
    EXPECT_EQ(batch.sequence(), sequence++);
    ASSERT_EQ(batch.rows(), batch.items().size());
    ASSERT_EQ(batch.tensor().dtype, DType::i32);
    ASSERT_EQ(batch.tensor().shape[1], 16);
    for (std::uint64_t row = 0; row < batch.rows(); ++row) {
      EXPECT_EQ(batch.items()[row].index, next);
      EXPECT_EQ(batch.items()[row].row, next);
      EXPECT_EQ(batch.items()[row].attempts, 1U);
      ASSERT_EQ(value_at(batch, row, 3), static_cast<std::int32_t>(next) * 100 + 3);
      ++next;
    }
  }
  EXPECT_EQ(next, count);
  EXPECT_EQ(sequence, 28U);
  const RunStats stats = pipeline.stats();
  EXPECT_EQ(stats.items_done, count);
  EXPECT_EQ(stats.rows, count);
  EXPECT_TRUE(stats.errors.empty());
  EXPECT_FALSE(pipeline.interrupted());
}

INSTANTIATE_TEST_SUITE_P(Workers, RangePipeline, ::testing::Values(0U, 1U, 2U, 5U));

TEST(RangePipelineEdges, ZeroItemsEndAtOnce) {
  Pipeline pipeline = PipelineBuilder::range(0).options(options_with(2, 8)).host_stage(fill_numbers).start();
  EXPECT_FALSE(pipeline.next());
  EXPECT_FALSE(pipeline.next());
}

TEST(RangePipelineEdges, OneItem) {
  Pipeline pipeline = PipelineBuilder::range(1).options(options_with(2, 64)).host_stage(fill_numbers).start();
  const auto batch = pipeline.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->rows(), 1U);
  EXPECT_FALSE(pipeline.next());
}

TEST(RangePipelineEdges, TheLimitCutsTheSource) {
  PipelineOptions options = options_with(2, 10);
  options.limit = 25;
  Pipeline pipeline = PipelineBuilder::range(1'000'000'000).options(options).host_stage(fill_numbers).start();
  std::uint64_t rows = 0;
  for (const Batch& batch : pipeline) rows += batch.rows();
  EXPECT_EQ(rows, 25U);
}

TEST(RangePipelineEdges, CapturelessLambdasCrossToo) {
  Pipeline pipeline =
      PipelineBuilder::range(10)
          .options(options_with(1, 10))
          .host_stage([](Item& item) { *static_cast<std::uint8_t*>(item.emplace(DType::u8, {1}).data) = 7; })
          .host_stage([](Item& item) { *static_cast<std::uint8_t*>(item.tensor().data) += 1; })
          .start();
  const auto batch = pipeline.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(static_cast<const std::uint8_t*>(batch->tensor().data)[9], 8);
}

TEST(RangePipelineEdges, CompletionOrderDeliversEverythingOnce) {
  PipelineOptions options = options_with(3, 16);
  options.order = Order::completion;
  Pipeline pipeline = PipelineBuilder::range(500).options(options).host_stage(fill_numbers).start();
  std::set<std::uint64_t> seen;
  std::uint64_t next_row = 0;
  for (const Batch& batch : pipeline) {
    for (const ItemRecord& item : batch.items()) {
      EXPECT_TRUE(seen.insert(item.index).second);
      EXPECT_EQ(item.row, next_row++);
      ASSERT_EQ(value_at(batch, item.index % 16, 0), static_cast<std::int32_t>(item.index) * 100);
    }
  }
  EXPECT_EQ(seen.size(), 500U);
}

TEST(RangePipelineEdges, CompletionOrderWithBatchesLargerThanAllSlots) {
  PipelineOptions options = options_with(2, 2000);  // 32 chunks a batch, 8 slots in all
  options.order = Order::completion;
  options.slot_bytes = 4096;
  Pipeline pipeline = PipelineBuilder::range(4500).options(options).host_stage(fill_numbers).start();
  std::uint64_t rows = 0;
  for (const Batch& batch : pipeline) rows += batch.rows();
  EXPECT_EQ(rows, 4500U);
}

TEST(RangePipelineEdges, ItemsThatDoNotFitBehindOthersGetTheirOwnSlot) {
  PipelineOptions options = options_with(2, 48);
  options.slot_bytes = 64 * 1024;
  Pipeline pipeline = PipelineBuilder::range(96)
                          .options(options)
                          .host_stage([](Item& item) {
                            const TensorView tensor = item.emplace(DType::u8, {30000});
                            std::memset(tensor.data, static_cast<int>(item.index()), 30000);
                          })
                          .start();
  std::uint64_t next = 0;
  for (const Batch& batch : pipeline) {
    ASSERT_EQ(batch.rows(), 48U);
    for (std::uint64_t row = 0; row < batch.rows(); ++row) {
      ASSERT_EQ(static_cast<const std::uint8_t*>(batch.tensor().data)[row * 30000 + 29999], next);
      ++next;
    }
  }
  EXPECT_EQ(next, 96U);
}

TEST(RangePipelineEdges, BatchesMayOutliveThePipeline) {
  Batch kept;
  {
    Pipeline pipeline =
        PipelineBuilder::range(8).options(options_with(1, 8)).host_stage(fill_numbers).start();
    kept = std::move(*pipeline.next());
  }
  EXPECT_EQ(value_at(kept, 7, 1), 701);
}

TEST(RangePipelineEdges, StopEndsAnEndlessRunInOrder) {
  Pipeline pipeline = PipelineBuilder::range(UINT64_C(1) << 40U)
                          .options(options_with(2, 16))
                          .host_stage(fill_numbers)
                          .start();
  std::uint64_t next = 0;
  while (const auto batch = pipeline.next()) {
    for (const ItemRecord& item : batch->items()) ASSERT_EQ(item.index, next++) << "no gap, also at the end";
    if (next == 160) pipeline.stop();
  }
  EXPECT_GE(next, 160U);
  EXPECT_TRUE(pipeline.interrupted());
}

TEST(RangePipelineEdges, DestructionInTheMiddleLeavesNoProcess) {
  std::vector<pid_t> pids;
  {
    Pipeline pipeline = PipelineBuilder::range(UINT64_C(1) << 40U)
                            .options(options_with(3, 16))
                            .host_stage(fill_numbers)
                            .start();
    ASSERT_TRUE(pipeline.next());
    for (const WorkerStats& worker : pipeline.stats().workers) pids.push_back(worker.pid);
  }
  ASSERT_EQ(pids.size(), 3U);
  for (const pid_t pid : pids) EXPECT_NE(::kill(pid, 0), 0) << pid << " is still there";
}

TEST(RangePipelineEdges, WithoutAStageItemsFailAsData) {
  Pipeline pipeline = PipelineBuilder::range(3).options(options_with(1, 8)).start();
  const auto batch = pipeline.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->rows(), 0U);
  EXPECT_EQ(batch->items()[2].error, ItemErrorCode::stage_failed);
}

}  // namespace
}  // namespace forebay
