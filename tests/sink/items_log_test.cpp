#include "pipeline/sink/items_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "host/error.h"
#include "host/limits.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

using nlohmann::json;
using test::TemporaryFolder;

std::vector<json> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

std::vector<std::uint64_t> indices_of(const std::string& path) {
  std::vector<std::uint64_t> indices;
  for (const json& line : lines_of(path)) indices.push_back(line["index"]);
  return indices;
}

std::vector<ItemRecord> batch_of(std::uint64_t sequence, std::size_t items = 2) {
  std::vector<ItemRecord> records(items);
  for (std::size_t i = 0; i < items; ++i) records[i].index = sequence * items + i;
  return records;
}

TEST(ItemsLog, ALineHasEveryKeyInOrder) {
  ItemRecord item;
  item.index = 7;
  item.path = "a \"b\"/\xFF.jpg";
  item.label = "cat";
  item.row = 5;
  item.warnings = 2;
  item.attempts = 3;
  item.width = 640;
  item.height = 480;
  std::string text;
  append_item_line(text, item);
  EXPECT_EQ(
      text,
      R"({"index": 7, "path": "a \"b\"/)"
      "\xEF\xBF\xBD"
      R"(.jpg", "label": "cat", "row": 5, "status": "ok", "error": null, "warnings": 2, "attempts": 3, )"
      R"("width": 640, "height": 480})"
      "\n");
  ItemRecord failed;
  failed.error = ItemErrorCode::truncated;
  failed.message = "ends\nearly";
  text.clear();
  append_item_line(text, failed);
  EXPECT_EQ(text,
            R"({"index": 0, "path": "", "label": null, "row": null, "status": "error", )"
            R"("error": {"code": "truncated", "message": "ends\nearly"}, "warnings": 0, "attempts": 1, )"
            R"("width": 0, "height": 0})"
            "\n");
  EXPECT_TRUE(json::accept(text));
}

TEST(ItemsLog, BatchesInOrderAreWrittenAtOnce) {
  const TemporaryFolder folder;
  ItemsLog log(folder / "items.jsonl");
  EXPECT_TRUE(lines_of(folder / "items.jsonl").empty());
  for (std::uint64_t sequence = 0; sequence < 3; ++sequence) {
    log.append(batch_of(sequence));
    EXPECT_EQ(lines_of(folder / "items.jsonl").size(), 2 * (sequence + 1));
  }
  EXPECT_EQ(log.lines(), 6U);
}

TEST(ItemsLog, BatchesInAnyOrderBecomeLinesInIndexOrder) {
  const TemporaryFolder folder;
  ItemsLog log(folder / "items.jsonl");
  for (const std::uint64_t sequence : {2, 1, 4, 0, 3, 5}) log.append(batch_of(sequence));
  log.finish();
  EXPECT_EQ(indices_of(folder / "items.jsonl"),
            (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
}

TEST(ItemsLog, WhatWaitsIsNotWrittenBeforeItsTurn) {
  const TemporaryFolder folder;
  ItemsLog log(folder / "items.jsonl");
  log.append(batch_of(1));
  EXPECT_TRUE(lines_of(folder / "items.jsonl").empty());
  log.append(batch_of(0));
  EXPECT_EQ(indices_of(folder / "items.jsonl"), (std::vector<std::uint64_t>{0, 1, 2, 3}));
}

TEST(ItemsLog, AnInterruptedRunWritesWhatWaitsInOrder) {
  const TemporaryFolder folder;
  ItemsLog log(folder / "items.jsonl");
  for (const std::uint64_t sequence : {4, 0, 2}) log.append(batch_of(sequence));
  log.finish();
  log.finish();
  EXPECT_EQ(indices_of(folder / "items.jsonl"), (std::vector<std::uint64_t>{0, 1, 4, 5, 8, 9}));
}

TEST(ItemsLog, HoldsBackNoMoreThanItsLimit) {
  const TemporaryFolder folder;
  ItemsLog log(folder / "items.jsonl");
  std::vector<ItemRecord> records(1);
  records[0].path.assign(limits::items_held_bytes / 8, 'x');
  const auto append = [&](std::uint64_t position) {
    records[0].index = position;
    log.append(records);
  };
  for (std::uint64_t position = 1; position <= 3; ++position) append(position);
  try {
    append(4);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::protocol);
    EXPECT_STREQ(error.what(),
                 "items.jsonl waits for item 0 while 4 later batches are done; use --order index");
  }
}

TEST(ItemsLog, ABatchThatComesTwiceBreaksTheContract) {
  const TemporaryFolder folder;
  ItemsLog log(folder / "items.jsonl");
  log.append(batch_of(0));
  EXPECT_DEATH(log.append(batch_of(0)), "every item is recorded once");
  log.append(batch_of(2));
  EXPECT_DEATH(log.append(batch_of(2)), "every item is recorded once");
}

}  // namespace
}  // namespace forebay
