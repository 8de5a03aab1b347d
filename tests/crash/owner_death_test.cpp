#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>
#include <filesystem>
#include <utility>

#include "host/error.h"
#include "pipeline/pipeline.h"

namespace forebay {
namespace {

std::string photos() { return std::string(FOREBAY_SHARED_DIR) + "/photos/good"; }

PipelineOptions owner_options() {
  PipelineOptions options;
  options.workers = 2;
  options.batch = 8;
  options.device = DeviceChoice::cpu;
  options.placement = Placement::owner;
  options.finish.dtype = DType::u8;
  return options;
}

std::vector<std::byte> run(Pipeline& pipeline, int kill_every) {
  std::vector<std::byte> all;
  std::uint64_t next = 0;
  int batches = 0;
  pid_t killed = 0;
  for (const Batch& batch : pipeline) {
    for (const ItemRecord& item : batch.items()) {
      EXPECT_TRUE(item.ok()) << item.path << ": " << item.message;
      EXPECT_EQ(item.index, next++);
    }
    const auto* bytes = static_cast<const std::byte*>(batch.tensor().data);
    all.insert(all.end(), bytes, bytes + batch.tensor().bytes());
    if (kill_every == 0 || ++batches % kill_every != 0) continue;
    const pid_t owner = pipeline.stats().owner.pid;
    if (std::exchange(killed, owner) != owner) ::kill(owner, SIGKILL);
  }
  return all;
}

TEST(OwnerDeath, ANewOwnerTakesOverWithTheSameBytes) {
  if (!std::filesystem::exists(photos())) GTEST_SKIP() << "NO TEST PHOTOS at " << photos();
  // Twice the photos: a caller that is held up lets an owner run some batches ahead.
  Pipeline undisturbed = PipelineBuilder::pictures({photos(), photos()}).options(owner_options()).start();
  const std::vector<std::byte> expected = run(undisturbed, 0);
  ASSERT_EQ(expected.size(), std::size_t{192} * 224 * 224 * 3);
  EXPECT_TRUE(undisturbed.stats().owner.present);

  Pipeline disturbed = PipelineBuilder::pictures({photos(), photos()}).options(owner_options()).start();
  EXPECT_EQ(run(disturbed, 1), expected);
  EXPECT_GE(disturbed.stats().owner.restarts, 3U);
}

TEST(OwnerDeath, AHopelessOwnerEndsTheRunWithItsLastWords) {
  if (!std::filesystem::exists(photos())) GTEST_SKIP() << "NO TEST PHOTOS at " << photos();
  ::setenv("FOREBAY_FAULT", "add_chunk:1+:sticky", 1);
  std::string message;
  try {
    Pipeline pipeline = PipelineBuilder::pictures({photos()}).options(owner_options()).start();
    while (pipeline.next()) {
    }
  } catch (const Error& error) {
    message = error.what();
  }
  ::unsetenv("FOREBAY_FAULT");
  EXPECT_NE(message.find("in a row without completing anything"), std::string::npos) << message;
}

TEST(OwnerDeath, OneStickyErrorCostsNothingButTime) {
  if (!std::filesystem::exists(photos())) GTEST_SKIP() << "NO TEST PHOTOS at " << photos();
  Pipeline undisturbed = PipelineBuilder::pictures({photos()}).options(owner_options()).start();
  const std::vector<std::byte> expected = run(undisturbed, 0);
  // Every owner process survives five chunks: each new one gets a little further.
  ::setenv("FOREBAY_FAULT", "add_chunk:6:sticky", 1);
  Pipeline disturbed = PipelineBuilder::pictures({photos()}).options(owner_options()).start();
  EXPECT_EQ(run(disturbed, 0), expected);
  ::unsetenv("FOREBAY_FAULT");
  EXPECT_GE(disturbed.stats().owner.restarts, 1U);
}

}  // namespace
}  // namespace forebay
