#include "pipeline/sink/npy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "host/error.h"
#include "host/process/child.h"
#include "tests/sink/python.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

using test::has_numpy;
using test::run_python;
using test::TemporaryFolder;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

TensorView view_of(std::vector<float>& values, std::vector<std::int64_t> shape) {
  return contiguous_view(values.data(), DType::f32, shape);
}

std::string bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What NumPy says of the file, read and mapped: type, shape, sum.
std::string described_by_numpy(const std::string& path) {
  return run_python("import numpy as n; a=n.load('" + path + "'); b=n.load('" + path +
                    "', mmap_mode='r'); assert (a==b).all(); print(a.dtype, a.shape, a.sum(dtype='f8'))");
}

TEST(NpyFile, HeaderIsFormatOneOfFixedLength) {
  const TemporaryFolder folder;
  NpyFile file(folder / "t.npy", DType::f32, std::array<std::int64_t, 3>{3, 224, 224});
  const std::string head = bytes_of_file(folder / "t.npy");
  ASSERT_EQ(head.size(), 128U);
  EXPECT_EQ(head.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_THAT(head, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3, 224, 224), }"));
  EXPECT_EQ(head.back(), '\n');
}

TEST(NpyFile, AShapeOfManyDimensionsTakesALongerHeader) {
  const TemporaryFolder folder;
  NpyFile file(folder / "t.npy", DType::u8, std::vector<std::int64_t>(7, 100'000'000));
  EXPECT_EQ(fs::file_size(folder / "t.npy"), 192U);
}

TEST(NpyFile, OfWhatIsOverdueOnlyWholeRowsCount) {
  const TemporaryFolder folder;
  constexpr std::int64_t row_floats = 3 << 19;  // 6 MiB: pieces end within rows
  NpyFile file(folder / "t.npy", DType::f32, std::array<std::int64_t, 1>{row_floats});
  std::vector<float> values(5 * row_floats, 1.0F);
  EXPECT_EQ(file.append(view_of(values, {5, row_floats}), [] { return false; }), 5U);
  int looks = 0;
  EXPECT_EQ(file.append(view_of(values, {5, row_floats}), [&looks] { return looks++ == 2; }), 2U)
      << "two pieces of 8 MiB hold two rows and a part";
  EXPECT_EQ(file.append(view_of(values, {5, row_floats}), [] { return true; }), 0U);
  EXPECT_EQ(file.rows(), 7U);
  file.finish();
  EXPECT_EQ(fs::file_size(folder / "t.npy"), 128U + 7U * row_floats * sizeof(float));
  if (!has_numpy()) GTEST_SKIP() << "python3-numpy is absent: nobody checks the file";
  EXPECT_THAT(described_by_numpy(folder / "t.npy"), HasSubstr("(7, "));
}

TEST(NpyFile, IsValidForNumpyAfterEveryBatch) {
  if (!has_numpy()) GTEST_SKIP() << "python3-numpy is absent: nobody checks the file";
  const TemporaryFolder folder;
  const std::string path = folder / "t.npy";
  NpyFile file(path, DType::f32, std::array<std::int64_t, 2>{2, 3});
  EXPECT_EQ(described_by_numpy(path), "float32 (0, 2, 3) 0.0");
  std::vector<float> values(60);
  std::iota(values.begin(), values.end(), 0.0F);
  file.append(view_of(values, {10, 2, 3}));
  EXPECT_EQ(described_by_numpy(path), "float32 (10, 2, 3) 1770.0");
  file.append(view_of(values, {0, 2, 3}));
  file.append(view_of(values, {3, 2, 3}));
  EXPECT_EQ(file.rows(), 13U);
  EXPECT_EQ(described_by_numpy(path), "float32 (13, 2, 3) 1923.0");
  file.finish();
  EXPECT_EQ(described_by_numpy(path), "float32 (13, 2, 3) 1923.0");
  EXPECT_EQ(fs::file_size(path), 128U + 13 * 24);
}

TEST(NpyFile, EveryTypeIsNumpys) {
  if (!has_numpy()) GTEST_SKIP() << "python3-numpy is absent: nobody checks the file";
  const TemporaryFolder folder;
  const std::vector<std::pair<DType, std::string>> types{
      {DType::u8, "uint8"},    {DType::f16, "float16"}, {DType::bf16, "uint16"},
      {DType::f32, "float32"}, {DType::i16, "int16"},   {DType::u16, "uint16"},
      {DType::i32, "int32"},   {DType::i64, "int64"},   {DType::f64, "float64"}};
  for (const auto& [dtype, name] : types) {
    const std::string path = folder / (name + std::string(to_string(dtype)) + ".npy");
    NpyFile file(path, dtype, std::array<std::int64_t, 1>{1});
    file.finish();
    EXPECT_THAT(described_by_numpy(path), ::testing::StartsWith(name + " (0, 1) ")) << to_string(dtype);
  }
}

// The reserved space is given back: what the file takes on disk is what its rows need.
TEST(NpyFile, FinishGivesReservedSpaceBack) {
  const TemporaryFolder folder;
  NpyFile file(folder / "t.npy", DType::f32, std::array<std::int64_t, 1>{1024});
  std::vector<float> values(1024);
  file.append(view_of(values, {1, 1024}));
  struct stat status {};
  file.finish();
  ASSERT_EQ(::stat((folder / "t.npy").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 128 + 4096);
  EXPECT_LE(status.st_blocks * 512, 1 << 20);
}

TEST(NpyFile, NoMoreIsReservedThanIsExpected) {
  const TemporaryFolder folder;
  NpyFile file(folder / "t.npy", DType::f32, std::array<std::int64_t, 1>{1024}, 10);
  std::vector<float> values(1024);
  file.append(view_of(values, {1, 1024}));
  struct stat status {};
  ASSERT_EQ(::stat((folder / "t.npy").c_str(), &status), 0);
  EXPECT_LE(status.st_blocks * 512, 1 << 20);
}

struct PathMessage {
  std::array<char, 512> path{};
};
struct ReadyMessage {};

constexpr auto patience = std::chrono::seconds(30);

/// A child that writes batches of 7 rows until it is killed: row i holds the value i throughout.
int write_until_killed(Channel channel) {
  Received received;
  if (channel.receive_until(received, std::chrono::steady_clock::now() + patience) != ReceiveResult::received)
    return 1;
  NpyFile file(received.as<PathMessage>()->path.data(), DType::f32, std::array<std::int64_t, 1>{4096});
  std::vector<float> values(std::size_t{7} * 4096);
  for (std::uint64_t first = 0; first < 20'000; first += 7) {  // bounded, should nobody kill it
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(first + i / 4096);
    file.append(view_of(values, {7, 4096}));
    if (first == 70 && channel.try_send(ReadyMessage{}) != SendResult::sent) return 1;
  }
  return 2;
}

// SIGKILL at ten arbitrary moments: the file loads, and every row that the header counts is whole.
TEST(NpyFile, IsValidAtAnyMomentOfDeath) {
  if (!has_numpy()) GTEST_SKIP() << "python3-numpy is absent: nobody checks the file";
  const TemporaryFolder folder;
  const std::string path = folder / "t.npy";
  for (int round = 0; round < 10; ++round) {
    Child child = Child::spawn(write_until_killed, {"forebay: test writer", "forebay-test"});
    PathMessage message;
    path.copy(message.path.data(), message.path.size() - 1);
    ASSERT_EQ(child.channel().try_send(message), SendResult::sent);
    Received ready;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    ASSERT_EQ(child.channel().receive_until(ready, deadline), ReceiveResult::received);
    child.signal(SIGKILL);
    const std::optional<ExitStatus> status = child.wait_until(deadline);
    ASSERT_TRUE(status.has_value());
    ASSERT_EQ(status->signal, SIGKILL);
    EXPECT_EQ(run_python("import numpy as n; a=n.load('" + path +
                         "', mmap_mode='r'); k=len(a); assert k>=77 and k%7==0; "
                         "print((a==n.arange(k,dtype='f4')[:,None]).all())"),
              "True");
  }
}

TEST(NpyFile, RowsOfAnotherShapeBreakTheContract) {
  const TemporaryFolder folder;
  NpyFile file(folder / "t.npy", DType::f32, std::array<std::int64_t, 1>{2});
  std::vector<float> values(6);
  EXPECT_DEATH(file.append(view_of(values, {2, 3})), "rows of the file's type and shape");
  TensorView strided = view_of(values, {2, 2});
  strided.strides[0] = 3;
  EXPECT_DEATH(file.append(strided), "contiguous");
}

/// A file system of 1 MiB, gone at the end.
class SmallDisk {
 public:
  SmallDisk() : mounted_(::mount("forebay-test", folder_.path().c_str(), "tmpfs", 0, "size=1m") == 0) {}
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::string operator/(const char* name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
  bool mounted_;
};

TEST(NpyFile, AFullDiskKeepsTheRowsBefore) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "not allowed to mount a small tmpfs: the full disk is not tested";
  NpyFile file(disk / "t.npy", DType::f32, std::array<std::int64_t, 1>{std::int64_t{25} * 1024});
  std::vector<float> values(std::size_t{25} * 1024, 1.0F);
  std::uint64_t rows = 0;
  try {
    for (; rows < 20; ++rows) file.append(view_of(values, {1, std::int64_t{25} * 1024}));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::no_space);
    EXPECT_THAT(error.what(), HasSubstr("free some space or choose another --out"));
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(rows) + " rows are kept"));
  }
  EXPECT_EQ(rows, 10U);  // 100 KiB each: the whole disk but the header's page, though steps ahead are larger
  file.finish();
  EXPECT_EQ(fs::file_size(disk / "t.npy"), 128U + 10 * 102'400);
  if (has_numpy()) {
    EXPECT_EQ(described_by_numpy(disk / "t.npy"), "float32 (10, 25600) 256000.0");
  }
}

}  // namespace
}  // namespace forebay
