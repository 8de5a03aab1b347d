#include "pipeline/sink/output_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "host/error.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

using test::TemporaryFolder;
namespace fs = std::filesystem;
using namespace std::string_view_literals;

constexpr std::array files{"a.npy"sv, "b.json"sv};

std::string usage_error_of(const fs::path& path, bool force = false) {
  try {
    const OutputFolder folder(path, files, force);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    return error.what();
  }
  return "no error";
}

TEST(OutputFolder, CreatesParentsAndRemovesThemAgainWhileEmpty) {
  const TemporaryFolder root;
  {
    const OutputFolder folder(root / "x/y/z/", files, false);
    EXPECT_TRUE(fs::is_directory(root / "x/y/z"));
  }
  EXPECT_FALSE(fs::exists(root / "x"));
  {
    const OutputFolder folder(root / "x/y", files, false);
    root.write("x/y/a.npy");
  }
  EXPECT_TRUE(fs::exists(root / "x/y/a.npy"));
}

TEST(OutputFolder, KeepsAnEmptyFolderThatWasThere) {
  const TemporaryFolder root;
  fs::create_directory(root / "x");
  { const OutputFolder folder(root / "x", files, false); }
  EXPECT_TRUE(fs::exists(root / "x"));
}

TEST(OutputFolder, RefusesToOverwriteNamingFileAndFlag) {
  const TemporaryFolder root;
  root.write("other.txt");
  EXPECT_EQ(usage_error_of(root.path()), "no error");
  const std::string existing = root.write("b.json");
  EXPECT_EQ(usage_error_of(root.path()),
            existing + " exists; use --force to overwrite it, or --resume to go on with that run");
  EXPECT_EQ(usage_error_of(root.path(), true), "no error");
  fs::remove(existing);
  fs::create_symlink("nowhere", existing);
  EXPECT_EQ(usage_error_of(root.path()),
            existing + " exists; use --force to overwrite it, or --resume to go on with that run");
}

TEST(OutputFolder, IsForOneRunAtATime) {
  const TemporaryFolder root;
  std::optional<OutputFolder> first(std::in_place, root.path(), files, false);
  EXPECT_THAT(usage_error_of(root.path(), true), ::testing::StartsWith("another run writes into "));
  first.reset();
  EXPECT_EQ(usage_error_of(root.path()), "no error");
}

TEST(OutputFolder, AFileOrAnEmptyNameIsNoFolder) {
  const TemporaryFolder root;
  const std::string file = root.write("file");
  EXPECT_EQ(usage_error_of(file), "--out " + file + " is not a folder");
  EXPECT_EQ(usage_error_of(""), "--out is empty; name a folder");
}

TEST(OutputFolder, AFolderThatCannotBeCreatedIsTheMachinesFault) {
  const TemporaryFolder root;
  const std::string file = root.write("file");
  try {
    const OutputFolder folder(file + "/below", files, false);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::environment);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("Not a directory"));
  }
}

}  // namespace
}  // namespace forebay
