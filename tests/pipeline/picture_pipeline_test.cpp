#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "host/error.h"
#include "pipeline/pipeline.h"

namespace forebay {
namespace {

std::string photos(const std::string& folder) {
  return std::filesystem::path(FOREBAY_SHARED_DIR) / "photos" / folder;
}

class PicturePipeline : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(photos("good"))) GTEST_SKIP() << "NO TEST PHOTOS at " << photos("");
  }
};

struct Outcome {
  std::vector<std::byte> bytes;
  std::vector<ItemRecord> items;
  RunStats stats;
};

Outcome run(const PipelineOptions& options, const std::vector<std::string>& sources) {
  Pipeline pipeline = PipelineBuilder::pictures(sources).options(options).start();
  Outcome outcome;
  for (const Batch& batch : pipeline) {
    const auto* bytes = static_cast<const std::byte*>(batch.tensor().data);
    if (batch.rows() > 0) outcome.bytes.insert(outcome.bytes.end(), bytes, bytes + batch.tensor().bytes());
    outcome.items.insert(outcome.items.end(), batch.items().begin(), batch.items().end());
  }
  outcome.stats = pipeline.stats();
  return outcome;
}

PipelineOptions cpu_options() {
  PipelineOptions options;
  options.device = DeviceChoice::cpu;
  options.workers = 2;
  return options;
}

TEST_F(PicturePipeline, TheBitsDependOnNothingButThePlan) {
  PipelineOptions options = cpu_options();
  options.prepare.augment = Augment::train;
  options.prepare.seed = 5;
  options.finish.dtype = DType::f16;
  const std::vector<std::string> sources{photos("good"), photos("odd")};
  const Outcome reference = run(options, sources);
  ASSERT_EQ(reference.stats.rows, 121U);
  std::vector<PipelineOptions> variants(6, options);
  variants[0].workers = 1;
  variants[1].workers = 5;
  variants[1].batch = 7;
  variants[2].placement = Placement::owner;
  variants[3].placement = Placement::owner;
  variants[3].slot_bytes = 400'000;  // large regions do not fit: they are prepared in the worker
  variants[3].batch = 30;
  variants[4].workers = 0;
  variants[5].decode.mode = DecodeMode::whole;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const Outcome outcome = run(variants[i], sources);
    EXPECT_TRUE(outcome.bytes == reference.bytes) << "variant " << i;
    EXPECT_EQ(outcome.stats.owner.present, variants[i].placement == Placement::owner);
    if (i == 3) {
      EXPECT_GT(outcome.stats.worker_fallbacks, 0U);
    }
  }
  PipelineOptions other = options;
  other.prepare.seed = 6;
  EXPECT_FALSE(run(other, sources).bytes == reference.bytes);
}

TEST_F(PicturePipeline, NothingIsMerelyCopied) {
  for (const Placement placement : {Placement::worker, Placement::owner}) {
    PipelineOptions options = cpu_options();
    options.placement = placement;
    const Outcome outcome = run(options, {photos("good")});
    EXPECT_EQ(outcome.stats.payload_copies, 0U);
    EXPECT_GT(outcome.stats.decoded_bytes, 96U * 224 * 224 * 3);
    EXPECT_GE(outcome.stats.payload_bytes_written, outcome.stats.decoded_bytes + outcome.bytes.size());
  }
}

TEST_F(PicturePipeline, BadItemsLeaveNoHoleAndHarmNobody) {
  PipelineOptions options = cpu_options();
  options.batch = 16;
  const Outcome good = run(options, {photos("good")});
  const Outcome mixed = run(options, {photos("bad"), photos("good"), photos("bad")});
  EXPECT_TRUE(mixed.bytes == good.bytes);
  EXPECT_EQ(mixed.items.size(), 96U + 16U);
  std::uint64_t row = 0;
  for (const ItemRecord& item : mixed.items) {
    if (item.ok()) {
      EXPECT_EQ(item.row, row++);
    } else {
      EXPECT_FALSE(item.row);
      EXPECT_FALSE(item.message.empty());
    }
  }
  EXPECT_EQ(row, 96U);
}

TEST_F(PicturePipeline, FilesThatCannotBeOpenedAreData) {
  const std::string list = ::testing::TempDir() + "forebay-list.txt";
  {
    std::ofstream out(list);
    out << photos("odd/gray.jpg") << '\n'
        << "/nonexistent/a.jpg" << '\n'
        << photos("odd") << '\n'
        << "/dev/null" << '\n'
        << photos("odd/rgb.png") << '\n';
  }
  const Outcome outcome = run(cpu_options(), {"@" + list});
  std::filesystem::remove(list);
  ASSERT_EQ(outcome.items.size(), 5U);
  EXPECT_TRUE(outcome.items[0].ok());
  EXPECT_TRUE(outcome.items[4].ok());
  for (const std::size_t i : {1U, 2U, 3U}) {
    EXPECT_EQ(outcome.items[i].error, ItemErrorCode::io_error) << outcome.items[i].path;
    EXPECT_FALSE(outcome.items[i].message.empty());
  }
}

TEST_F(PicturePipeline, NoWorkerAndNoCoordinatorMapsTheDriver) {
  PipelineOptions options = cpu_options();
  options.batch = 4;
  options.placement = Placement::owner;
  Pipeline pipeline = PipelineBuilder::pictures({photos("good")}).options(options).start();
  ASSERT_TRUE(pipeline.next());
  std::vector<std::string> processes{"self"};
  for (const WorkerStats& worker : pipeline.stats().workers) processes.push_back(std::to_string(worker.pid));
  ASSERT_EQ(processes.size(), 3U);
  for (const std::string& process : processes) {
    std::ifstream maps("/proc/" + process + "/maps");
    const std::string text{std::istreambuf_iterator<char>(maps), {}};
    ASSERT_FALSE(text.empty()) << process;
    for (const char* forbidden : {"libcuda", "libcudart", "forebay_cuda"}) {
      EXPECT_EQ(text.find(forbidden), std::string::npos) << process << " maps " << forbidden;
    }
  }
}

TEST_F(PicturePipeline, MemoryDoesNotGrowWithTheItems) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps freed memory: only a plain build can be measured";
#endif
  const std::string list = ::testing::TempDir() + "forebay-many.txt";
  const auto peak_of = [&](int repeats) {
    {
      std::ofstream out(list);
      for (int i = 0; i < repeats; ++i) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(photos("good"))) {
          if (entry.is_regular_file()) out << entry.path().string() << '\n';
        }
      }
    }
    PipelineOptions options = cpu_options();
    Pipeline pipeline = PipelineBuilder::pictures({"@" + list}).options(options).start();
    while (pipeline.next()) {
    }
    std::uint64_t peak = 0;
    for (const WorkerStats& worker : pipeline.stats().workers) peak = std::max(peak, worker.peak_rss_bytes);
    return peak;
  };
  const std::uint64_t few = peak_of(2);
  const std::uint64_t many = peak_of(20);
  std::filesystem::remove(list);
  ASSERT_GT(few, 0U);
  EXPECT_LT(many, few + (std::uint64_t{8} << 20U)) << "a worker grew with the number of items";
  EXPECT_LT(many, std::uint64_t{64} << 20U) << "slots, scratch of one picture, code";
}

TEST_F(PicturePipeline, UnderFailTheRunEndsAtTheBadFile) {
  PipelineOptions options = cpu_options();
  options.on_error = OnError::fail;
  Pipeline pipeline =
      PipelineBuilder::pictures({photos("odd/rgb.png"), photos("bad/text.jpg"), photos("good")})
          .options(options)
          .start();
  std::uint64_t items = 0;
  for (const Batch& batch : pipeline) items += batch.items().size();
  EXPECT_EQ(items, 2U);
  ASSERT_TRUE(pipeline.failure());
  EXPECT_EQ(pipeline.failure()->error, ItemErrorCode::not_an_image);
}

TEST_F(PicturePipeline, ADeviceThatIsNotThereIsAClearError) {
  PipelineOptions options = cpu_options();
  options.device = DeviceChoice::cuda;
  options.device_ordinal = 97;
  try {
    Pipeline pipeline = PipelineBuilder::pictures({photos("good")}).options(options).start();
    FAIL() << "there is no cuda:97";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::no_device);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace forebay
