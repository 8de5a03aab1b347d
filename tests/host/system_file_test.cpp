#include "host/process/system_file.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

TEST(SystemFile, ReadsAFileAndSaysWhenThereIsNone) {
  EXPECT_TRUE(read_system_file("/proc/self/status")->starts_with("Name:"));
  EXPECT_FALSE(read_system_file("/proc/self/no_such_file"));
  EXPECT_FALSE(read_system_file("/proc/self")) << "a folder opens, but does not read";
}

TEST(SystemFile, NumbersAreWholeOrNothing) {
  EXPECT_EQ(parse_number("42"), 42);
  EXPECT_EQ(parse_number(" -1\n"), -1);
  EXPECT_EQ(parse_number("9223372036854775807"), 9223372036854775807);
  for (const char* text : {"", " ", "max", "12x", "1 2", "0x10", "1.5", "9223372036854775808", "-"}) {
    EXPECT_FALSE(parse_number(text)) << text;
  }
}

TEST(SystemFile, FindsAFieldByItsWholeName) {
  constexpr std::string_view text =
      "MemTotal:       24684096 kB\ninactive_files 5\ninactive_file 4096\nlast 1";
  EXPECT_EQ(field_bytes(text, "MemTotal:"), 24684096ULL * 1024);
  EXPECT_EQ(field_bytes(text, "inactive_file"), 4096U);
  EXPECT_EQ(field_bytes(text, "last"), 1U);
  EXPECT_FALSE(field_bytes(text, "file"));
  EXPECT_FALSE(field_bytes("", "file"));
}

TEST(SystemFile, AGarbledFieldIsNoField) {
  for (const char* text : {"key", "key ", "key x", "key -1", "key 1 MB", "key 9223372036854775807 kB"}) {
    EXPECT_FALSE(field_bytes(text, "key")) << text;
  }
}

TEST(SystemFile, FirstLineIsTrimmed) {
  EXPECT_EQ(first_line(" 1 2 \r\nsecond"), "1 2");
  EXPECT_EQ(first_line(""), "");
  EXPECT_EQ(first_line("\nx"), "");
}

}  // namespace
}  // namespace forebay
