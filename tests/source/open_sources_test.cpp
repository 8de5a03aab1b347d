#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "host/error.h"
#include "pipeline/source/peeked_source.h"
#include "pipeline/source/source.h"
#include "tests/source/entries.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

using test::drain;
using test::Entries;
using test::TemporaryFolder;

std::string usage_error_of(const std::vector<std::string>& sources) {
  try {
    static_cast<void>(open_sources(sources));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    return error.what();
  }
  return "no error";
}

TEST(OpenSources, ChainsFilesFoldersAndListsInOrder) {
  const TemporaryFolder folder;
  folder.write("tree/cat/2.jpg");
  folder.write("tree/notes.txt");
  folder.write("more/readme.md");
  const std::string file = folder.write("named-explicitly.dat");
  const std::string list = folder.write("list.txt", "missing.jpg\n" + folder.path().string() + "\tlabel\n");
  const auto source = open_sources({file, folder / "tree", "@" + list, folder / "more", file});
  EXPECT_EQ(source->size_hint(), std::nullopt);
  // What a list names is passed on unseen: a missing file or a folder becomes an io_error item.
  EXPECT_EQ(drain(*source), (Entries{{file, ""},
                                     {folder / "tree/cat/2.jpg", "cat"},
                                     {"missing.jpg", ""},
                                     {folder.path().string(), "label"},
                                     {file, ""}}));
  EXPECT_EQ(source->note(), folder / "tree: 1 file with no picture's suffix left out; " + (folder / "more") +
                                ": 1 file with no picture's suffix left out");
}

TEST(OpenSources, KnowsTheNumberOfFiles) {
  const TemporaryFolder folder;
  const std::string file = folder.write("a");
  EXPECT_EQ(open_sources({file, file, file})->size_hint(), 3U);
}

TEST(OpenSources, AFileThatExistsIsAnItemWhateverItIs) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0), 0);
  const std::string unreadable = folder.write("unreadable.jpg");
  std::filesystem::permissions(unreadable, std::filesystem::perms::none);
  EXPECT_EQ(drain(*open_sources({folder / "pipe", unreadable})).size(), 2U);
}

TEST(OpenSources, WhatIsMissingIsOneClearLine) {
  EXPECT_EQ(usage_error_of({}), "no source; name a file, a folder or @list.txt");
  EXPECT_EQ(usage_error_of({""}), "an empty source; name a file, a folder or @list.txt");
  EXPECT_EQ(usage_error_of({"@"}), "no list after @; write @list.txt");
  EXPECT_EQ(usage_error_of({"/no/such.jpg"}),
            "cannot find /no/such.jpg: No such file or directory; name a file, a folder or @list.txt");
  EXPECT_EQ(usage_error_of({"@/no/such.txt"}), "cannot read list /no/such.txt: No such file or directory");
}

TEST(OpenSources, EverySourceIsCheckedBeforeTheFirstEntry) {
  const TemporaryFolder folder;
  EXPECT_THAT(usage_error_of({folder.write("a.jpg"), "/no/such.jpg"}), ::testing::HasSubstr("/no/such.jpg"));
}

TEST(RangeSource, CountsToItsEnd) {
  const auto source = make_range_source(3);
  EXPECT_EQ(source->size_hint(), 3U);
  EXPECT_EQ(drain(*source), (Entries{{"", ""}, {"", ""}, {"", ""}}));
  EXPECT_FALSE(source->next());
  EXPECT_FALSE(make_range_source(0)->next());
}

TEST(PeekedSource, GivesTheFirstEntryBack) {
  const TemporaryFolder folder;
  const std::string list = "@" + folder.write("list.txt", "a\tx\nb\n");
  PeekedSource source(open_sources({list}));
  EXPECT_FALSE(source.empty());
  EXPECT_EQ(drain(source), (Entries{{"a", "x"}, {"b", ""}}));
  EXPECT_TRUE(PeekedSource(make_range_source(0)).empty());
  EXPECT_FALSE(PeekedSource(make_range_source(1)).empty());
}

}  // namespace
}  // namespace forebay
