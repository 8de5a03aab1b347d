#include "pipeline/sink/summary.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace forebay {
namespace {

using nlohmann::json;

RunSummary example() {
  RunSummary summary;
  summary.stats.items_done = 100;
  summary.stats.rows = 97;
  summary.stats.errors = {{"truncated", 2}, {"corrupt", 1}};
  summary.stats.seconds = 4;
  summary.stats.stage_busy_s = {{"decode", 6}, {"finish", 1}};
  summary.stats.workers.resize(2);
  summary.stats.workers[1] = {.pid = 42, .restarts = 1, .peak_rss_bytes = 1000, .busy_s = 3};
  summary.sources = {"photos", "@\xFF.txt"};
  summary.sink = "npy";
  summary.sink_busy_s = 2;
  summary.coordinator_pid = 41;
  return summary;
}

TEST(Summary, HasEveryKey) {
  const json summary = json::parse(summary_json(example()));
  for (const char* key : {"items",
                          "rows",
                          "errors",
                          "warnings",
                          "sessions",
                          "resumed_at",
                          "seconds",
                          "items_per_s",
                          "first_batch_s",
                          "decoded_bytes",
                          "payload_bytes_written",
                          "payload_copies",
                          "worker_fallbacks",
                          "stages",
                          "device",
                          "placement",
                          "workers",
                          "owner",
                          "coordinator",
                          "memory",
                          "interrupted",
                          "failure",
                          "notes",
                          "notices",
                          "notices_total",
                          "versions",
                          "options"}) {
    EXPECT_TRUE(summary.contains(key)) << key;
  }
  EXPECT_EQ(summary.size(), 27U);
}

TEST(Summary, FiguresAreThoseOfTheRun) {
  const json summary = json::parse(summary_json(example()));
  EXPECT_EQ(summary["items"], 100);
  EXPECT_EQ(summary["errors"], (json{{"truncated", 2}, {"corrupt", 1}}));
  EXPECT_DOUBLE_EQ(summary["items_per_s"], 25);
  EXPECT_DOUBLE_EQ(summary["stages"]["decode"]["utilisation"], 0.75) << "of two workers";
  EXPECT_DOUBLE_EQ(summary["stages"]["finish"]["utilisation"], 0.25) << "of one process";
  EXPECT_DOUBLE_EQ(summary["stages"]["sink"]["busy_s"], 2);
  EXPECT_EQ(summary["workers"][1]["pid"], 42);
  EXPECT_EQ(summary["workers"][1]["restarts"], 1);
  EXPECT_EQ(summary["owner"], nullptr);
  EXPECT_EQ(summary["failure"], nullptr);
  EXPECT_EQ(summary["coordinator"]["pid"], 41);
  EXPECT_EQ(summary["options"]["sources"][1], "@\xEF\xBF\xBD.txt");
  EXPECT_EQ(summary["options"]["workers"], 2);
}

TEST(Summary, NumbersReadAsTheyWereWritten) {
  EXPECT_NE(summary_json(example()).find("0.485,"), std::string::npos);
  RunSummary plain = example();
  plain.options.finish.dtype = DType::u8;
  EXPECT_EQ(json::parse(summary_json(plain))["options"]["mean"], nullptr) << "not in force";
}

TEST(Summary, ARunOfNothingIsValidToo) {
  const json summary = json::parse(summary_json({}));
  EXPECT_EQ(summary["items_per_s"], 0);
  EXPECT_EQ(summary["errors"], json::object());
  EXPECT_EQ(summary["workers"], json::array());
}

TEST(Summary, VersionsNameWhatDecidesTheBits) {
  const json versions = json::parse(summary_json({}))["versions"];
  for (const char* name : {"forebay", "libjpeg-turbo", "libspng", "libwebp", "compiler"}) {
    EXPECT_FALSE(versions.at(name).get<std::string>().empty()) << name;
  }
}

}  // namespace
}  // namespace forebay
