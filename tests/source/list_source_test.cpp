#include "pipeline/source/list_source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "host/error.h"
#include "host/limits.h"
#include "host/memory/unique_fd.h"
#include "tests/source/entries.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

using test::drain;
using test::Entries;
using test::TemporaryFolder;

Entries entries_of(const std::string& content) {
  const TemporaryFolder folder;
  ListSource source(folder.write("list.txt", content));
  return drain(source);
}

std::string failure_of(const std::string& content, std::size_t entries_before) {
  const TemporaryFolder folder;
  const std::string path = folder.write("list.txt", content);
  ListSource source(path);
  for (std::size_t i = 0; i < entries_before; ++i) EXPECT_TRUE(source.next().has_value());
  try {
    static_cast<void>(source.next());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    std::string message = error.what();
    const std::size_t at = message.find(path);
    EXPECT_NE(at, std::string::npos) << message;
    return message.replace(at, path.size(), "LIST");
  }
  return "no error";
}

TEST(ListSource, ReadsPathsLabelsAndEveryLineEnd) {
  EXPECT_EQ(entries_of("a.jpg\nb c.jpg\r\n\n\r\nd.jpg\tcat\ne.jpg\tdog \r\nf.jpg\tx\ty\ng.jpg\t\nlast.jpg"),
            (Entries{{"a.jpg", ""},
                     {"b c.jpg", ""},
                     {"d.jpg", "cat"},
                     {"e.jpg", "dog "},
                     {"f.jpg", "x\ty"},
                     {"g.jpg", ""},
                     {"last.jpg", ""}}));
}

TEST(ListSource, KeepsBytesThatAreNotUtf8AndIgnoresAByteOrderMark) {
  EXPECT_EQ(entries_of("\xEF\xBB\xBF"
                       "a.jpg\n\xFF\xFE.jpg\n"),
            (Entries{{"a.jpg", ""}, {"\xFF\xFE.jpg", ""}}));
}

TEST(ListSource, GoesOnBehindAnyEntryOfTheSameFile) {
  const TemporaryFolder folder;
  const std::string path = folder.write("list.txt",
                                        "\xEF\xBB\xBF"
                                        "a\r\n\nb\tlabel\nc\n\nd");
  ListSource whole(path);
  std::vector<SourceMark> marks;
  while (whole.next()) marks.push_back(whole.mark());
  ASSERT_EQ(marks.size(), 4U);
  const Entries entries{{"a", ""}, {"b", "label"}, {"c", ""}, {"d", ""}};
  for (std::size_t done = 1; done <= marks.size(); ++done) {
    ListSource rest(path);
    EXPECT_EQ(rest.identity(), whole.identity());
    static_cast<void>(rest.next());  // a look at the first entry does no harm
    ASSERT_TRUE(rest.seek(marks[done - 1]));
    EXPECT_EQ(drain(rest), Entries(entries.begin() + static_cast<std::ptrdiff_t>(done), entries.end()));
  }
  ListSource bad(folder.write("bad.txt", "a\nb\n\tlabel\n"));
  static_cast<void>(bad.next());
  ASSERT_TRUE(bad.seek({4, 2}));
  try {
    static_cast<void>(bad.next());
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("line 3 of"), std::string::npos) << "lines are counted on";
  }
}

TEST(ListSource, AChangedFileIsAnotherAndAPipeHasNoMarks) {
  const TemporaryFolder folder;
  const std::string path = folder.write("list.txt", "a\nb\n");
  const std::string before = ListSource(path).identity();
  EXPECT_FALSE(before.empty());
  EXPECT_EQ(ListSource(path).identity(), before);
  folder.write("list.txt", "a\nbc\n");
  EXPECT_NE(ListSource(path).identity(), before);
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const UniqueFd writer(::open(pipe.c_str(), O_RDWR | O_CLOEXEC));
  ListSource source(pipe);
  EXPECT_TRUE(source.identity().empty());
  EXPECT_FALSE(source.mark().valid());
  EXPECT_FALSE(source.seek({1, 1}));
}

TEST(ListSource, AnEmptyListHasNoEntries) {
  EXPECT_EQ(entries_of(""), Entries{});
  EXPECT_EQ(entries_of("\n\r\n\n"), Entries{});
}

TEST(ListSource, ALineMayFillTheLimitAndNoMore) {
  const std::string longest(limits::list_line_bytes_max, 'x');
  EXPECT_EQ(entries_of(longest + "\n"), (Entries{{longest, ""}}));
  EXPECT_EQ(entries_of(longest), (Entries{{longest, ""}}));
  const std::string message =
      "line 2 of LIST is longer than 4096 bytes; a list is plain text with one path a line";
  EXPECT_EQ(failure_of("a\n" + longest + "x\n", 1), message);
  EXPECT_EQ(failure_of("a\n" + longest + "x", 1), message);
  // A file without any line end is refused after one read, not read to its end.
  EXPECT_EQ(failure_of("\n" + std::string(std::size_t{1} << 20U, 'x'), 0), message);
}

TEST(ListSource, WhatIsNoListIsRefusedByLine) {
  using namespace std::string_literals;
  EXPECT_EQ(failure_of("a\nb\nc\0d\n"s, 2),
            "line 3 of LIST holds a NUL byte; a list is plain text with one path a line");
  EXPECT_EQ(failure_of("\tcat\n", 0), "line 1 of LIST has a label but no path before the tab");
}

TEST(ListSource, LinesThatCrossReadsAreWhole) {
  std::string content;
  Entries wanted;
  for (int i = 0; i < 20'000; ++i) {
    const std::string path =
        "folder/" + std::string(static_cast<std::size_t>(i % 97), 'n') + std::to_string(i);
    content += path + "\n";
    wanted.emplace_back(path, "");
  }
  EXPECT_EQ(entries_of(content), wanted);
}

// 1.2 million lines: the first entry costs one read of the buffer, whatever the length of the list.
TEST(ListSource, TheFirstEntryOfAHugeListCostsOneRead) {
  const TemporaryFolder folder;
  std::string content;
  for (int i = 0; i < 1'200'000; ++i) content += "pictures/" + std::to_string(i) + ".jpg\n";
  ListSource source(folder.write("list.txt", content));
  EXPECT_EQ(source.bytes_read(), 0U);
  EXPECT_EQ(source.next()->path, "pictures/0.jpg");
  EXPECT_EQ(source.bytes_read(), limits::list_buffer_bytes);
  std::size_t count = 1;
  while (source.next()) ++count;
  EXPECT_EQ(count, 1'200'000U);
  EXPECT_EQ(source.bytes_read(), content.size());
}

TEST(ListSource, AMissingListOrAFolderIsAUsageError) {
  const TemporaryFolder folder;
  for (const std::string& path : {folder / "missing.txt", folder.path().string()}) {
    try {
      ListSource source(path);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::usage);
      EXPECT_THAT(error.what(), ::testing::StartsWith("cannot read list " + path + ": "));
    }
  }
}

TEST(ListSource, APipeThatBringsNothingCanBeInterrupted) {
  const TemporaryFolder folder;
  const std::string path = folder / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const UniqueFd writer(::open(path.c_str(), O_RDWR | O_CLOEXEC));  // so that the pipe never ends
  ASSERT_EQ(::write(writer.get(), "a.jpg\n", 6), 6);
  ListSource source(path);
  EXPECT_EQ(source.next()->path, "a.jpg");
  std::jthread other([&source] { source.interrupt(); });
  EXPECT_FALSE(source.next()) << "it waited for a second line";
  EXPECT_FALSE(source.next()) << "and stays so";
}

}  // namespace
}  // namespace forebay
