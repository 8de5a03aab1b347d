#include "pipeline/source/folder_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "host/error.h"
#include "tests/source/entries.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

using test::drain;
using test::Entries;
using test::TemporaryFolder;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

// The order is torchvision's: classes by name, in a class sorted(os.walk()) by whole path, files by name;
// bytewise.
TEST(FolderSource, OrdersLikeImageFolder) {
  const TemporaryFolder folder;
  for (const char* name : {"b/2.jpg", "b/10.jpg", "b/B.jpg", "b/x/1.jpg", "b/x-1/1.jpg", "b/x/y/1.jpg",
                           "a/\xC3\xA9.jpg", "a/z.jpg", "root.jpg", "a-b/1.jpg", "a/x/deep/er/1.jpg"}) {
    folder.write(name);
  }
  FolderSource source(folder.path().string());
  EXPECT_EQ(drain(source, folder / ""), (Entries{{"root.jpg", ""},
                                                 {"a/z.jpg", "a"},
                                                 {"a/\xC3\xA9.jpg", "a"},
                                                 {"a/x/deep/er/1.jpg", "a"},
                                                 {"a-b/1.jpg", "a-b"},
                                                 {"b/10.jpg", "b"},
                                                 {"b/2.jpg", "b"},
                                                 {"b/B.jpg", "b"},
                                                 {"b/x/1.jpg", "b"},
                                                 {"b/x-1/1.jpg", "b"},
                                                 {"b/x/y/1.jpg", "b"}}));
  EXPECT_EQ(source.next(), std::nullopt);
  EXPECT_EQ(source.note(), "");
}

TEST(FolderSource, TakesEveryPictureSuffixInEitherCaseAndCountsTheRest) {
  const TemporaryFolder folder;
  const std::vector<std::string> pictures{"a.jpg",  "b.JPEG", "c.jPe",  "d.jfif", "e.png",
                                          "f.WebP", "g.gif",  "h.bmp",  "i.tif",  "j.TIFF",
                                          "k.ppm",  "l.pgm",  "m.avif", "n.heic", "o.jp2"};
  for (const std::string& name : pictures) folder.write(name);
  for (const char* name : {"a.txt", "jpg", "b.jpg.bak"}) folder.write(name);
  FolderSource source(folder.path().string());
  EXPECT_EQ(drain(source).size(), pictures.size());
  EXPECT_THAT(source.note(), HasSubstr("3 files"));
}

TEST(FolderSource, NamesPathsAsGivenAndTakesSlashesAway) {
  const TemporaryFolder folder;
  folder.write("a/1.jpg");
  FolderSource source(folder / "a///");
  EXPECT_EQ(drain(source), (Entries{{folder / "a/1.jpg", ""}}));
}

TEST(FolderSource, FollowsLinksToFoldersButNotInCircles) {
  const TemporaryFolder folder;
  folder.write("a/1.jpg");
  folder.write("elsewhere/2.jpg");
  fs::create_directory_symlink(folder / "elsewhere", folder / "b");
  fs::create_directory_symlink("..", folder / "a/up");
  fs::create_directory_symlink(".", folder / "a/self");
  fs::create_symlink("nowhere", folder / "a/dangling.jpg");
  FolderSource source(folder.path().string());
  EXPECT_EQ(
      drain(source, folder / ""),
      (Entries{
          {"a/1.jpg", "a"}, {"a/dangling.jpg", "a"}, {"b/2.jpg", "b"}, {"elsewhere/2.jpg", "elsewhere"}}));
  EXPECT_THAT(source.note(), HasSubstr("2 links to a folder above itself not followed"));
}

TEST(FolderSource, AFolderThatVanishesDuringTheScanIsNotedAndPassedOver) {
  const TemporaryFolder folder;
  for (const char* name : {"0.jpg", "a/1.jpg", "b/2.jpg"}) folder.write(name);
  FolderSource source(folder.path().string());
  ASSERT_EQ(source.next()->path, folder / "0.jpg");
  fs::remove_all(folder / "a");
  EXPECT_EQ(drain(source, folder / ""), (Entries{{"b/2.jpg", "b"}}));
  EXPECT_THAT(source.note(), HasSubstr("1 folder could not be read (" + (folder / "a") + ": No such file"));
}

// One directory at a time: what lies below a folder that has not been reached is not looked at yet.
TEST(FolderSource, IsStreamed) {
  const TemporaryFolder folder;
  for (const char* name : {"a/1.jpg", "b/2.jpg"}) folder.write(name);
  FolderSource source(folder.path().string());
  ASSERT_EQ(source.next()->path, folder / "a/1.jpg");
  folder.write("b/3.jpg");
  EXPECT_EQ(drain(source, folder / ""), (Entries{{"b/2.jpg", "b"}, {"b/3.jpg", "b"}}));
}

TEST(FolderSource, AnEmptyFolderHasNoEntries) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "a/b/c");
  FolderSource source(folder.path().string());
  EXPECT_EQ(source.next(), std::nullopt);
  EXPECT_EQ(source.next(), std::nullopt);
}

TEST(FolderSource, AMissingRootIsAUsageError) {
  try {
    FolderSource source("/no/such/folder");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    EXPECT_STREQ(error.what(), "cannot read folder /no/such/folder: No such file or directory");
  }
}

}  // namespace
}  // namespace forebay
