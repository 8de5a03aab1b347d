#include "pipeline/flow/run_shape.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "host/error.h"

namespace forebay {
namespace {

constexpr Device cpu{};
constexpr Device cuda{DeviceKind::cuda, 0};

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(RunShape, AutoPlacementIsTheWorkerOnCpuAndTheOwnerOnCuda) {
  const PipelineOptions options;
  EXPECT_EQ(shape_of(options, cpu, true, 0, 0).placement, Placement::worker);
  EXPECT_FALSE(shape_of(options, cpu, true, 0, 0).owner);
  EXPECT_EQ(shape_of(options, cuda, true, 0, 0).placement, Placement::owner);
  EXPECT_TRUE(shape_of(options, cuda, true, 0, 0).owner);
  EXPECT_TRUE(shape_of(options, cpu, true, 0, 1).owner) << "a device stage needs an owner";
  EXPECT_EQ(shape_of(options, cuda, true, 1, 0).placement, Placement::worker)
      << "host stages see prepared pictures";
}

TEST(RunShape, OwnerPlacementContradictsHostStages) {
  PipelineOptions options;
  options.placement = Placement::owner;
  EXPECT_THROW(static_cast<void>(shape_of(options, cpu, true, 1, 0)), Error);
}

TEST(RunShape, ASlotThatIsTooSmallNamesBothSizesAndTheFlag) {
  PipelineOptions options;
  options.slot_bytes = 65536;
  const std::string message = message_of([&] { static_cast<void>(shape_of(options, cpu, true, 0, 0)); });
  EXPECT_NE(message.find("150528"), std::string::npos) << message;
  EXPECT_NE(message.find("65536"), std::string::npos) << message;
  EXPECT_NE(message.find("--slot-mb"), std::string::npos) << message;
}

TEST(RunShape, LargeCropsGetTheSlotThatTheyNeed) {
  for (const std::uint32_t crop : {4096U, 8192U, 16384U}) {
    PipelineOptions options;
    options.prepare.resize = options.prepare.crop = crop;
    const RunShape shape = shape_of(options, cpu, true, 0, 0);
    EXPECT_GE(shape.chunk_items, 1U);
    EXPECT_LE(shape.chunk_items * std::uint64_t{crop} * crop * 3, shape.slot_bytes);
    EXPECT_LE(shape.slot_bytes, limits::slot_bytes_max);
  }
}

TEST(RunShape, MeanAndStdAreFinite) {
  PipelineOptions options;
  options.finish.mean[1] = std::numeric_limits<float>::infinity();
  EXPECT_NE(message_of([&] { check_options(options); }).find("mean"), std::string::npos);
  options = {};
  options.finish.std[2] = std::numeric_limits<float>::infinity();
  EXPECT_NE(message_of([&] { check_options(options); }).find("std"), std::string::npos);
}

TEST(RunShape, ChunksFitTheirSlot) {
  for (const std::uint32_t batch : {1U, 2U, 7U, 64U, 1000U}) {
    for (const std::uint32_t workers : {1U, 2U, 32U}) {
      PipelineOptions options;
      options.batch = batch;
      options.workers = workers;
      const RunShape shape = shape_of(options, cpu, true, 0, 0);
      EXPECT_GE(shape.chunk_items, 1U);
      EXPECT_LE(shape.chunk_items, std::min<std::uint32_t>(batch, chunk_items_max));
      EXPECT_LE(shape.chunk_items * align_payload(224 * 224 * 3), shape.slot_bytes);
    }
  }
}

TEST(RunShape, OptionsOutOfRangeAreUsageErrors) {
  const auto refused = [](auto change) {
    PipelineOptions options;
    change(options);
    try {
      check_options(options);
    } catch (const Error& error) {
      return error.code() == ErrorCode::usage;
    }
    return false;
  };
  EXPECT_TRUE(refused([](auto& o) { o.batch = 0; }));
  EXPECT_TRUE(refused([](auto& o) { o.batch = 1U << 20U; }));
  EXPECT_TRUE(refused([](auto& o) { o.prepare.crop = 0; }));
  EXPECT_TRUE(refused([](auto& o) { o.prepare.resize = 1U << 30U; }));
  EXPECT_TRUE(refused([](auto& o) { o.workers = 5000; }));
  EXPECT_TRUE(refused([](auto& o) { o.slots = 1; }));
  EXPECT_TRUE(refused([](auto& o) { o.finish.std[1] = 0; }));
  EXPECT_TRUE(refused([](auto& o) { o.finish.dtype = DType::i64; }));
  EXPECT_FALSE(refused([](auto&) {}));
}

}  // namespace
}  // namespace forebay
