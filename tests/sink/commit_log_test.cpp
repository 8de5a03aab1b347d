#include "pipeline/sink/commit_log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "host/error.h"
#include "pipeline/sink/commit_log_reader.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

using test::TemporaryFolder;
namespace fs = std::filesystem;

const std::string manifest = R"({"options": {"--crop": "224"}})";

CommitRecord record_of(std::uint64_t number) {
  CommitRecord record;
  record.positions = {{number * 64, number * 64 + 64}};
  record.first_row = number * 63;
  record.failed = {0, 0, 0, 0, 0, 0, 0, 128};
  record.state.items = number * 64 + 64;
  record.state.rows = number * 63 + 63;
  record.state.errors = {{"corrupt", number + 1}};
  record.state.watermark = record.state.items;
  record.state.entry_hash = 0x0123456789ABCDEF * (number + 1);
  record.state.items_bytes = record.state.items * 150;
  return record;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A log of `count` records; where each ends, the manifest first.
std::vector<std::uint64_t> write_log(const std::string& path, std::uint64_t count) {
  CommitLog log(path, manifest);
  std::vector<std::uint64_t> ends{log.end()};
  for (std::uint64_t number = 0; number < count; ++number) {
    log.append(record_of(number));
    ends.push_back(log.end());
  }
  return ends;
}

/// The number of the newest record; -1: only the manifest is good; -2: nor is that.
int newest_of(const std::string& path) {
  try {
    const CommitLogReader reader(path);
    EXPECT_EQ(reader.manifest(), manifest);
    const auto found = reader.newest(reader.size());
    if (!found) return -1;
    const auto number = found->record.first_row / 63;
    const CommitRecord expected = record_of(number);
    EXPECT_EQ(encode_commit_record(found->record), encode_commit_record(expected));
    return static_cast<int>(number);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage) << error.what();
    EXPECT_NE(std::string(error.what()).find("--force"), std::string::npos) << error.what();
    return -2;
  }
}

std::string error_of(const std::string& path) {
  try {
    const CommitLogReader reader(path);
    return "none";
  } catch (const Error& error) {
    return error.what();
  }
}

class Log : public ::testing::Test {
 protected:
  const TemporaryFolder folder_;
  const std::string path_ = folder_ / "commit.log";
  const std::vector<std::uint64_t> ends_ = write_log(path_, 5);
  const std::string text_ = text_of(path_);

  void rewrite(const std::string& text) const {
    fs::remove(path_);  // ext4 waits for the disk where a file is written over
    folder_.write("commit.log", text);
  }
};

TEST_F(Log, TheNewestRecordIsFound) {
  EXPECT_EQ(ends_.back(), text_.size());
  EXPECT_EQ(newest_of(path_), 4);
  const CommitLogReader reader(path_);
  std::uint64_t end = reader.size();
  for (int number = 4; number >= 0; --number) {
    const auto found = reader.newest(end);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->end, ends_[static_cast<std::size_t>(number) + 1]);
    EXPECT_EQ(reader.at(found->begin)->end, found->end) << "forward too";
    end = found->begin;
  }
  EXPECT_EQ(end, reader.first());
  EXPECT_FALSE(reader.newest(end));
}

TEST_F(Log, CutAtAnyByteItEndsWithTheLastWholeRecord) {
  for (std::size_t size = 0; size < text_.size(); ++size) {
    rewrite(text_.substr(0, size));
    int whole = -2;
    for (const std::uint64_t end : ends_) whole += end <= size ? 1 : 0;
    EXPECT_EQ(newest_of(path_), whole) << "cut at " << size;
  }
}

TEST_F(Log, AByteThatChangesCostsItsRecordOnly) {
  for (std::size_t at = 0; at < text_.size(); ++at) {
    std::string text = text_;
    text[at] = static_cast<char>(text[at] ^ (1 << at % 8));
    rewrite(text);
    const int expected = at < ends_[0] ? -2 : at < ends_[4] ? 4 : 3;
    EXPECT_EQ(newest_of(path_), expected) << "byte " << at;
  }
}

TEST_F(Log, WhateverFollowsIsSkipped) {
  const std::string last = text_.substr(ends_[4]);
  const std::string magic(last.end() - 4, last.end());
  std::string magics;
  for (int i = 0; i < 50'000; ++i) magics += magic;
  for (const std::string& tail :
       {std::string(1, '\0'), std::string(3'000'000, '\0'), std::string(200'001, '\xFE'), last, text_, magic,
        magics, last.substr(0, last.size() / 2), std::string("plain text\n")}) {
    rewrite(text_ + tail);
    EXPECT_EQ(newest_of(path_), 4) << tail.size() << " bytes follow";
  }
  // A window of the search ends within the magic of the last record.
  for (std::size_t bytes = (std::size_t{64} << 10U) - 8; bytes < (std::size_t{64} << 10U) + 8; ++bytes) {
    rewrite(text_ + std::string(bytes, 'x'));
    EXPECT_EQ(newest_of(path_), 4) << bytes << " bytes follow";
  }
}

TEST_F(Log, RecordsOfAnotherLogAreNotCounted) {
  const std::string other = folder_ / "other.log";
  CommitLog log(other, R"({"options": {"--crop": "225"}})");
  std::string mixed = text_of(other);
  ASSERT_EQ(mixed.size(), ends_[0]);
  mixed += text_.substr(ends_[0]);
  folder_.write("other.log", mixed);
  const CommitLogReader reader(other);
  EXPECT_FALSE(reader.newest(reader.size()));
}

TEST_F(Log, WhatIsNoLogIsSaid) {
  rewrite("");
  EXPECT_EQ(error_of(path_), path_ + " is empty, so nothing is known of the run; --force starts afresh");
  rewrite("{\"index\": 0, \"path\": \"a.jpg\"}\n");
  EXPECT_EQ(error_of(path_), path_ + " is no log of a run; --force starts afresh");
  std::string text = text_;
  text[7] = 2;
  rewrite(text);
  EXPECT_EQ(error_of(path_), path_ + " has format 2, this Forebay reads 1; --force starts afresh");
  rewrite(text_.substr(0, 20));
  EXPECT_EQ(error_of(path_),
            path_ + " is damaged where it says how the run was started; --force starts afresh");
  rewrite(text_.substr(0, 3));
  EXPECT_EQ(error_of(path_), path_ + " is no log of a run; --force starts afresh");
}

TEST_F(Log, GoesOnWhereItIsToldTo) {
  rewrite(text_ + "half a rec");
  ResumePoint point;
  point.manifest = manifest;
  point.log_end = ends_[3];
  CommitLog log(path_, point);
  EXPECT_EQ(fs::file_size(path_), ends_[3]) << "what follows is cut off";
  log.append(record_of(7));
  log.reserve(1'000'000);
  log.append(record_of(8));
  log.finish();
  EXPECT_EQ(newest_of(path_), 8);
  const CommitLogReader reader(path_);
  EXPECT_EQ(reader.at(ends_[3])->record.first_row, 7U * 63);
}

std::uint64_t bytes_read_so_far() {
  std::ifstream io("/proc/self/io");
  std::string key;
  std::uint64_t bytes = 0;
  io >> key >> bytes;
  return bytes;
}

TEST(LongLog, ReadingItIsAsMuchWorkAsAShortOne) {
  const TemporaryFolder folder;
  std::vector<std::uint64_t> read;
  for (const std::uint64_t count : {10U, 1'000'000U}) {
    const std::string path = folder / std::to_string(count);
    write_log(path, count);
    const std::uint64_t before = bytes_read_so_far();
    const ResumePoint point = find_resume_point(path, {1U << 30U, UINT64_MAX, std::nullopt});
    read.push_back(bytes_read_so_far() - before);
    ASSERT_TRUE(point.state);
    EXPECT_EQ(point.state->items, count * 64);
    EXPECT_EQ(point.done().ranges, (std::vector<PositionRange>{{0, count * 64}}));
  }
  EXPECT_LT(read[1], read[0] + 64) << "bytes of a log that is 100,000 times as long";
}

}  // namespace
}  // namespace forebay
