#include "pipeline/sink/run_output.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "host/error.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

using test::TemporaryFolder;
namespace fs = std::filesystem;

OutputPlan small_pictures(bool tensors = true) {
  OutputPlan plan;
  FinishOptions& finish = plan.finish;
  plan.tensors = tensors;
  finish.height = finish.width = 8;
  finish.dtype = DType::u8;
  finish.layout = Layout::nhwc;
  return plan;
}

/// A batch of `rows` good items and one bad one.
Batch batch_of(std::uint64_t sequence, std::uint64_t rows, std::vector<std::uint8_t>& memory) {
  memory.assign(rows * 8 * 8 * 3, static_cast<std::uint8_t>(sequence));
  std::vector<ItemRecord> items(rows + 1);
  for (std::uint64_t i = 0; i <= rows; ++i) items[i].index = sequence * 5 + i;
  items.back().error = ItemErrorCode::corrupt;
  const std::array<std::int64_t, 4> shape{static_cast<std::int64_t>(rows), 8, 8, 3};
  return {sequence, rows == 0 ? TensorView{} : contiguous_view(memory.data(), DType::u8, shape),
          std::move(items), nullptr};
}

std::size_t line_count(const std::string& path) {
  std::ifstream file(path);
  return static_cast<std::size_t>(
      std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n'));
}

TEST(RunOutput, WritesTheFiveFiles) {
  const TemporaryFolder folder;
  std::vector<std::uint8_t> memory;
  RunOutput output(folder / "out", OutputStart::fresh);
  output.begin(small_pictures());
  for (std::uint64_t sequence = 0; sequence < 3; ++sequence) output.append(batch_of(sequence, 4, memory));
  output.append(batch_of(3, 0, memory));
  EXPECT_EQ(line_count(folder / "out/items.jsonl"), 16U) << "a batch is committed when append returns";
  output.finish();
  output.write_summary({});
  EXPECT_EQ(output.committed().rows, 12U);
  EXPECT_EQ(output.committed().items, 16U);
  EXPECT_EQ(output.committed().errors, (std::map<std::string, std::uint64_t>{{"corrupt", 4}}));
  EXPECT_EQ(fs::file_size(folder / "out/tensors.npy"), 128U + 12 * 192);
  EXPECT_TRUE(fs::exists(folder / "out/contact_sheet.png"));
  EXPECT_TRUE(fs::exists(folder / "out/summary.json"));
  EXPECT_TRUE(fs::exists(folder / "out/commit.log"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "out"), {}), 5) << "and nothing else";
}

TEST(RunOutput, OfABatchThatIsCutTheItemsBeforeTheFirstMissingRowAreKept) {
  const TemporaryFolder folder;
  OutputPlan plan = small_pictures();
  plan.finish.height = plan.finish.width = 1024;  // rows of 3 MiB: a piece of 8 MiB holds two
  std::vector<std::uint8_t> memory(std::size_t{5} * 1024 * 1024 * 3);
  std::vector<ItemRecord> items(7);
  for (std::size_t i = 0; i < items.size(); ++i) items[i].index = i;
  items[0].error = items[2].error = ItemErrorCode::corrupt;
  const std::array<std::int64_t, 4> shape{5, 1024, 1024, 3};
  const Batch batch(0, contiguous_view(memory.data(), DType::u8, shape), std::move(items), nullptr);
  RunOutput output(folder / "out", OutputStart::fresh);
  output.begin(plan);
  int looks = 0;
  EXPECT_FALSE(output.append(batch, [&looks] { return looks++ >= 1; }));
  output.finish();
  EXPECT_EQ(output.committed().rows, 2U);
  EXPECT_EQ(output.committed().items, 4U) << "two rows and the two bad items before the third";
  EXPECT_EQ(line_count(folder / "out/items.jsonl"), 4U);
  EXPECT_EQ(fs::file_size(folder / "out/tensors.npy"), 128U + 2 * memory.size() / 5);
}

TEST(RunOutput, WithoutTensorsOnlyTheRecordsAreWritten) {
  const TemporaryFolder folder;
  std::vector<std::uint8_t> memory;
  RunOutput output(folder / "out", OutputStart::fresh);
  output.begin(small_pictures(false));
  output.append(batch_of(0, 2, memory));
  output.finish();
  EXPECT_FALSE(fs::exists(folder / "out/tensors.npy"));
  EXPECT_EQ(line_count(folder / "out/items.jsonl"), 3U);
}

TEST(RunOutput, ForceReplacesAllAndNothingElse) {
  const TemporaryFolder folder;
  for (const std::string_view name : RunOutput::names) folder.write(name, "old");
  folder.write("notes.txt", "mine");
  EXPECT_THROW(RunOutput(folder.path(), OutputStart::fresh), Error);
  RunOutput output(folder.path(), OutputStart::overwrite);
  EXPECT_EQ(fs::file_size(folder / "tensors.npy"), 3U) << "untouched until the run begins";
  output.begin(small_pictures(false));
  output.finish();
  EXPECT_FALSE(fs::exists(folder / "tensors.npy")) << "a stale one would not match items.jsonl";
  EXPECT_FALSE(fs::exists(folder / "contact_sheet.png"));
  EXPECT_EQ(fs::file_size(folder / "items.jsonl"), 0U);
  EXPECT_TRUE(fs::exists(folder / "notes.txt"));
}

TEST(RunOutput, ARunThatNeverBeginsLeavesNothing) {
  const TemporaryFolder folder;
  {
    RunOutput output(folder / "a/b", OutputStart::fresh);
    output.finish();
  }
  EXPECT_FALSE(fs::exists(folder / "a"));
}

}  // namespace
}  // namespace forebay
