#include "pipeline/sink/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace forebay {
namespace {

std::string json_of(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonText, EscapesWhatJsonMust) {
  EXPECT_EQ(json_of("a\"b\\c/d"), R"("a\"b\\c/d")");
  using namespace std::string_view_literals;
  EXPECT_EQ(json_of("\n\r\t\b\x01\x1f\x7f\0"sv), R"("\n\r\t\u0008\u0001\u001f\u007f\u0000")");
  EXPECT_EQ(json_of(""), R"("")");
}

TEST(JsonText, KeepsUtf8) {
  for (const char* text :
       {"é", "日本", "\U0001F600", "\u007f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\uffff"}) {
    if (std::string_view(text) == "\u007f") continue;  // escaped, see above
    EXPECT_EQ(json_of(text), '"' + std::string(text) + '"');
  }
}

// One U+FFFD per maximal invalid part: the examples of the Unicode standard, tables 3-8 to 3-11.
TEST(JsonText, ReplacesInvalidBytesAsUnicodeRecommends) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(json_of("\xFF"), '"' + r + '"');
  EXPECT_EQ(json_of("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), '"' + r + r + r + r + r + r + r + r + "A\"");
  EXPECT_EQ(json_of("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), '"' + r + r + r + r + r + r + r + r + "A\"");
  EXPECT_EQ(json_of("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), '"' + r + r + r + r + r + "A" + r + r + "B\"");
  EXPECT_EQ(json_of("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), '"' + r + r + r + r + "A\"");
  EXPECT_EQ(json_of("\xE2\x82"), '"' + r + '"');
}

// Any bytes give a string that a strict parser accepts.
TEST(JsonText, IsValidForRandomBytes) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same bytes in every run
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 24, '\0');
    for (char& c : text) c = static_cast<char>(random() % (round % 2 == 0 ? 256U : 96U));
    const std::string json = json_of(text);
    ASSERT_TRUE(nlohmann::json::accept(json)) << json;
  }
}

}  // namespace
}  // namespace forebay
