#include "pipeline/sink/run_manifest.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "host/error.h"

namespace forebay {
namespace {

RunManifest manifest_of(const PipelineOptions& options) { return RunManifest(options, true, {"photos"}); }

TEST(RunManifest, NamesEveryOptionThatDiffersWithBothValues) {
  PipelineOptions before;
  PipelineOptions after;
  after.prepare.crop = 200;
  after.prepare.seed = 7;
  after.finish.mean = {0.5F, 0.5F, 0.5F};
  after.order = Order::completion;
  const RunManifest former = RunManifest::parse(manifest_of(before).json());
  EXPECT_EQ(manifest_of(after).difference(former),
            "--crop 224 (now 200), --seed 0 (now 7), --mean 0.485,0.456,0.406 (now 0.5,0.5,0.5), "
            "--order index (now completion)");
  EXPECT_EQ(manifest_of(before).difference(former), "");
  EXPECT_EQ(RunManifest(before, false, {}).difference(former), "--sink npy (now none)");
}

TEST(RunManifest, WhatDecidesNoBitMayDiffer) {
  PipelineOptions options;
  const RunManifest former = manifest_of(options);
  options.batch = 1;
  options.workers = 7;
  options.device = DeviceChoice::cpu;
  options.placement = Placement::owner;
  options.on_error = OnError::fail;
  options.attempts = 9;
  options.slots = 12;
  options.limit = 5;
  EXPECT_EQ(manifest_of(options).difference(former), "");
}

TEST(RunManifest, ASecondEpochGivesLinesOtherKeysWhereNothingElseDoes) {
  PipelineOptions one;
  PipelineOptions many = one;
  many.epochs = 3;
  EXPECT_EQ(manifest_of(many).difference(manifest_of(one)), "--epochs 1 (now 2 or more)");
  PipelineOptions more = many;
  more.epochs = 4;
  EXPECT_EQ(manifest_of(more).difference(manifest_of(many)), "");
  one.shuffle = many.shuffle = true;
  EXPECT_EQ(manifest_of(many).difference(manifest_of(one)), "");
}

TEST(RunManifest, AnOptionThatTheFormerLacksHadItsDefault) {
  nlohmann::json json = nlohmann::json::parse(manifest_of({}).json());
  json["options"].erase("--filter");
  const RunManifest former = RunManifest::parse(json.dump());
  PipelineOptions options;
  EXPECT_EQ(manifest_of(options).difference(former), "");
  options.prepare.filter = Filter::lanczos;
  EXPECT_EQ(manifest_of(options).difference(former), "--filter bilinear (now lanczos)");
  json["options"]["--mirror"] = "twice";
  EXPECT_EQ(manifest_of({}).difference(RunManifest::parse(json.dump())),
            "--mirror twice (unknown to this Forebay)");
}

TEST(RunManifest, VersionsAreCompared) {
  nlohmann::json json = nlohmann::json::parse(manifest_of({}).json());
  EXPECT_EQ(manifest_of({}).version_difference(RunManifest::parse(json.dump())), "");
  json["versions"]["libwebp"] = "0.1";
  const std::string difference = manifest_of({}).version_difference(RunManifest::parse(json.dump()));
  EXPECT_TRUE(difference.starts_with("libwebp 0.1 (now ")) << difference;
}

TEST(RunManifest, WhatIsNoneIsAUsageError) {
  for (const char* text : {"", "{}", "[1]", "{\"options\": 5}", "not json"}) {
    try {
      static_cast<void>(RunManifest::parse(text));
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::usage);
    }
  }
}

TEST(RunManifest, ABatchCountsWhereItDecidesHowAnEpochEnds) {
  PipelineOptions options;
  const RunManifest partial = manifest_of(options);
  options.last_batch = LastBatch::pad;
  const RunManifest padded = manifest_of(options);
  EXPECT_EQ(padded.difference(partial), "--last-batch partial (now pad)");
  EXPECT_EQ(partial.difference(padded), "--last-batch pad (now partial)");
  options.batch = 32;
  EXPECT_EQ(manifest_of(options).difference(padded), "--batch 64 (now 32)");
}

}  // namespace
}  // namespace forebay
