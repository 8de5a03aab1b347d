// Logs that were damaged at random: a record that was written, the manifest alone, or a usage error.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "host/error.h"
#include "pipeline/sink/commit_log.h"
#include "pipeline/sink/resume_point.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

using test::TemporaryFolder;
using Bytes = std::vector<std::byte>;

CommitRecord random_record(std::mt19937_64& random, std::uint64_t log_end) {
  CommitRecord record;
  record.kind = static_cast<CommitKind>(random() % 3);
  record.state.items = random();
  record.state.watermark = 100;
  for (std::uint64_t i = random() % 4; i != 0; --i) record.state.errors[std::string(i, 'e')] = random();
  record.positions = {{random() % 1000, 1000}};
  record.failed.resize(random() % 20, 0xFE);
  if (random() % 2 == 0) {
    record.state.held_from = log_end;
    record.held.push_back({{200, 201}, "a line\n", {{"path", "label"}}, {}, 201});
  }
  return record;
}

void damage(std::string& text, std::mt19937_64& random) {
  for (std::uint64_t changes = 1 + random() % 4; changes != 0 && !text.empty(); --changes) {
    // The end decides most, so it is hit more often than the rest.
    const std::size_t reach = random() % 2 == 0 ? std::min<std::size_t>(text.size(), 300) : text.size();
    const std::size_t at = text.size() - 1 - random() % reach;
    switch (random() % 6) {
      case 0: text[at] = static_cast<char>(random()); break;
      case 1: text[at] = static_cast<char>(text[at] ^ (1 << random() % 8)); break;
      case 2: text.resize(at); break;
      case 3: text.insert(at, 1 + random() % 50, static_cast<char>(random())); break;
      case 4: text += text.substr(at); break;
      default: text.erase(at, 1 + random() % 50);
    }
  }
}

TEST(CommitLogFuzz, ADamagedLogIsNeverReadAsWhatWasNotWritten) {
  const TemporaryFolder folder;
  const std::string path = folder / "commit.log";
  std::mt19937_64 random(20261127);
  int whole = 0;
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::set<Bytes> states;
    std::filesystem::remove(path);
    {
      CommitLog log(path, std::string("{}"));
      for (std::uint64_t count = 1 + random() % 8; count != 0; --count) {
        const CommitRecord record = random_record(random, log.end());
        log.append(record);
        CommitRecord state;
        state.state = record.state;
        states.insert(encode_commit_record(state));
      }
    }
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (int hit = 0; hit < 50; ++hit) {
      std::string damaged = text;
      damage(damaged, random);
      std::filesystem::remove(path);  // ext4 waits for the disk where a file is written over
      folder.write("commit.log", damaged);
      try {
        const ResumePoint point = find_resume_point(path, {0, 0, 0});
        EXPECT_EQ(point.manifest, "{}");
        if (!point.state) continue;
        CommitRecord state;
        state.state = *point.state;
        EXPECT_TRUE(states.contains(encode_commit_record(state))) << "round " << round;
        EXPECT_EQ(point.held.size(), point.state->held_from ? 1U : 0U);
        ++whole;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::usage) << error.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(whole, 5000);
  EXPECT_GT(refused, 100);
}

TEST(CommitLogFuzz, ADamagedRecordThatIsNotCheckedIsARecordOrNone) {
  std::mt19937_64 random(7);
  int none = 0;
  for (int round = 0; round < 30'000; ++round) {
    const Bytes good = encode_commit_record(random_record(random, 5));
    std::string text(reinterpret_cast<const char*>(good.data()), good.size());
    damage(text, random);
    text.shrink_to_fit();  // so that AddressSanitizer sees the first byte beyond
    none += decode_commit_record(std::as_bytes(std::span(text))) ? 0 : 1;
  }
  EXPECT_GT(none, 10'000);
}

}  // namespace
}  // namespace forebay
