// Epochs, shuffles, shards, and runs that go on from an earlier one, through the whole pipeline.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "host/error.h"
#include "pipeline/pipeline.h"

namespace forebay {
namespace {

std::string photos() { return std::string(FOREBAY_SHARED_DIR) + "/photos/good"; }

/// What a consumer sees of one item.
struct Seen {
  std::uint64_t index = 0;
  std::uint64_t item = 0;
  std::uint64_t epoch = 0;
  std::optional<std::uint64_t> row;
  std::string path;
  std::vector<std::byte> bytes;
  friend bool operator==(const Seen&, const Seen&) = default;
};

struct Delivered {
  std::vector<Seen> items;
  std::vector<std::size_t> batches;  // their sizes
};

Delivered deliver(PipelineConfig config) {
  Delivered all;
  Pipeline pipeline(std::move(config));
  for (const Batch& batch : pipeline) {
    const std::size_t row_bytes = batch.rows() == 0 ? 0 : batch.tensor().bytes() / batch.rows();
    const auto* bytes = static_cast<const std::byte*>(batch.tensor().data);
    all.batches.push_back(batch.items().size());
    for (const ItemRecord& item : batch.items()) {
      Seen seen{item.index, item.item, item.epoch, item.row, item.path, {}};
      if (item.ok()) {
        seen.bytes.assign(bytes, bytes + row_bytes);
        bytes += row_bytes;
      }
      all.items.push_back(std::move(seen));
    }
  }
  const RunStats stats = pipeline.stats();
  EXPECT_EQ(stats.items_done, stats.items_before + all.items.size());
  EXPECT_EQ(stats.items_planned, stats.items_done);
  return all;
}

PipelineOptions small(std::uint32_t workers, std::uint32_t batch) {
  PipelineOptions options;
  options.workers = workers;
  options.batch = batch;
  options.device = DeviceChoice::cpu;
  options.prepare.resize = 40;
  options.prepare.crop = 32;
  options.prepare.augment = Augment::train;
  options.finish.dtype = DType::u8;
  return options;
}

PipelineConfig pictures(const PipelineOptions& options, const DoneItems& done = {}) {
  PipelineConfig config;
  config.source = open_sources({photos()});
  config.options = options;
  config.done = done;
  return config;
}

DoneItems first_items(const std::vector<Seen>& items, std::size_t count) {
  DoneItems done;
  if (count > 0) done.ranges = {{0, count}};
  for (std::size_t i = 0; i < count; ++i) {
    const std::filesystem::path path = items[i].path;
    done.prefix.add(items[i].path,
                    path.parent_path() == photos() ? "" : path.parent_path().filename().string());
    done.rows += items[i].row ? 1 : 0;
  }
  return done;
}

class PlanPipeline : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(photos())) GTEST_SKIP() << "NO TEST PHOTOS at " << photos();
  }
};

TEST_F(PlanPipeline, AnItemHasTheSameBytesWhereverAShuffleAndShardsPutIt) {
  PipelineOptions options = small(2, 16);
  options.epochs = 2;
  const Delivered plain = deliver(pictures(options));
  ASSERT_EQ(plain.items.size(), 192U);
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<std::byte>> bytes;
  for (const Seen& seen : plain.items) bytes[{seen.epoch, seen.item}] = seen.bytes;
  EXPECT_EQ(bytes.size(), 192U);
  EXPECT_NE((bytes[{0, 0}]), (bytes[{1, 0}])) << "each epoch draws its own crops";
  options.shuffle = true;
  options.shards = 2;
  std::size_t seen_items = 0;
  for (options.shard = 0; options.shard < 2; ++options.shard) {
    for (const Placement placement : {Placement::worker, Placement::owner}) {
      options.placement = placement;
      const Delivered shard = deliver(pictures(options));
      for (const Seen& seen : shard.items)
        ASSERT_EQ(seen.bytes, (bytes[{seen.epoch, seen.item}])) << seen.index;
      seen_items += shard.items.size();
    }
  }
  EXPECT_EQ(seen_items, 2 * 192U);
}

TEST_F(PlanPipeline, BatchesEndWithTheirEpoch) {
  for (const Placement placement : {Placement::worker, Placement::owner}) {
    PipelineOptions options = small(2, 40);
    options.placement = placement;
    options.epochs = 2;
    options.shuffle = true;
    EXPECT_EQ(deliver(pictures(options)).batches, (std::vector<std::size_t>{40, 40, 16, 40, 40, 16}));
    options.last_batch = LastBatch::drop;
    EXPECT_EQ(deliver(pictures(options)).batches, (std::vector<std::size_t>{40, 40, 40, 40}));
    options.last_batch = LastBatch::pad;
    EXPECT_EQ(deliver(pictures(options)).batches, (std::vector<std::size_t>{40, 40, 40, 40, 40, 40}));
  }
}

TEST_F(PlanPipeline, ARunGoesOnWhereAnotherEndedWithTheSameBits) {
  PipelineOptions options = small(2, 16);
  options.epochs = 2;
  options.shuffle = true;
  options.last_batch = LastBatch::pad;
  const Delivered whole = deliver(pictures(options));
  ASSERT_EQ(whole.items.size(), 192U);
  for (const std::size_t done : {1U, 16U, 95U, 96U, 97U, 191U, 192U}) {
    for (const Placement placement : {Placement::worker, Placement::owner}) {
      PipelineOptions other = options;
      other.workers = 1 + done % 3;
      other.placement = placement;
      const Delivered rest = deliver(pictures(other, first_items(whole.items, done)));
      EXPECT_EQ(rest.items,
                std::vector<Seen>(whole.items.begin() + static_cast<std::ptrdiff_t>(done), whole.items.end()))
          << done;
    }
  }
}

TEST_F(PlanPipeline, WhatWasDoneOutOfOrderIsLeftOut) {
  for (const Placement placement : {Placement::worker, Placement::owner}) {
    PipelineOptions options = small(2, 8);
    options.placement = placement;
    options.order = Order::completion;
    const Delivered whole = deliver(pictures(options));
    DoneItems done;
    done.ranges = {{8, 20}, {30, 31}, {90, 96}};
    done.rows = 19;
    std::map<std::uint64_t, std::vector<std::byte>> left;
    for (const Seen& seen : whole.items) {
      const bool is_done = (seen.index >= 8 && seen.index < 20) || seen.index == 30 || seen.index >= 90;
      if (!is_done) left[seen.index] = seen.bytes;
    }
    std::map<std::uint64_t, std::vector<std::byte>> given;
    for (const Seen& seen : deliver(pictures(options, done)).items) given[seen.index] = seen.bytes;
    EXPECT_EQ(given, left);
  }
}

TEST_F(PlanPipeline, OtherSourcesThanBeforeAreRefusedBeforeAnythingIsStarted) {
  DoneItems done;
  done.ranges = {{0, 3}};
  done.prefix.add("elsewhere", "");
  try {
    Pipeline pipeline(pictures(small(1, 4), done));
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    EXPECT_NE(std::string(error.what()).find("the sources have changed"), std::string::npos) << error.what();
  }
}

TEST(PlanOptions, MakeSense) {
  const auto refusal = [](const PipelineOptions& options) {
    try {
      Pipeline pipeline = PipelineBuilder::range(3).options(options).start();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  PipelineOptions options;
  options.epochs = 0;
  EXPECT_NE(refusal(options).find("0 epochs"), std::string::npos);
  options.epochs = 1;
  options.shards = 0;
  EXPECT_NE(refusal(options).find("0 shards"), std::string::npos);
  options.shards = 3;
  options.shard = 3;
  EXPECT_NE(refusal(options).find("no shard 3 of 3"), std::string::npos);
}

void leave_index(Item& item) {
  auto* value = static_cast<std::int64_t*>(item.emplace(DType::i64, {2}).data);
  value[0] = static_cast<std::int64_t>(item.index());
  value[1] = static_cast<std::int64_t>(item.epoch());
}

TEST(PlanOptions, AHostStageSeesItemAndEpoch) {
  PipelineOptions options;
  options.workers = 2;
  options.batch = 7;
  options.epochs = 3;
  options.shuffle = true;
  std::uint64_t count = 0;
  Pipeline pipeline = PipelineBuilder::range(20).options(options).host_stage(leave_index).start();
  for (const Batch& batch : pipeline) {
    const auto* values = static_cast<const std::int64_t*>(batch.tensor().data);
    for (const ItemRecord& item : batch.items()) {
      EXPECT_EQ(item.index, count++);
      EXPECT_EQ(static_cast<std::uint64_t>(*values++), item.item);
      EXPECT_EQ(static_cast<std::uint64_t>(*values++), item.epoch);
      EXPECT_EQ(item.epoch, item.index / 20);
    }
  }
  EXPECT_EQ(count, 60U);
}

}  // namespace
}  // namespace forebay
