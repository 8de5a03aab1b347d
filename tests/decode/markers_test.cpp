#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "pipeline/decode/jpeg_markers.h"
#include "pipeline/decode/png_chunks.h"
#include "pipeline/decode/signature.h"

namespace forebay {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(JpegMarkers, FindTheEndBehindEntropyCodedData) {
  const auto file =
      bytes_of({0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 1, 2, 0xFF, 0, 3, 0xFF, 0xD0, 4, 0xFF, 0xFF, 0xD9});
  EXPECT_TRUE(jpeg_has_end(file));
  EXPECT_FALSE(jpeg_has_end(std::span(file).first(file.size() - 1)));
  EXPECT_FALSE(jpeg_has_end({}));
}

TEST(JpegMarkers, AnEndInsideASegmentIsNone) {
  EXPECT_FALSE(jpeg_has_end(bytes_of({0xFF, 0xD8, 0xFF, 0xE1, 0, 4, 0xFF, 0xD9})))
      << "that is an APP1's contents";
  EXPECT_TRUE(jpeg_has_end(bytes_of({0xFF, 0xD8, 0xFF, 0xE1, 0, 4, 0xFF, 0xD9, 0xFF, 0xD9})));
}

TEST(JpegMarkers, ASegmentThatIsCutOffEndsTheWalk) {
  EXPECT_FALSE(jpeg_has_end(bytes_of({0xFF, 0xD8, 0xFF, 0xE1, 0xFF, 0xFF, 0xFF, 0xD9})));
}

TEST(Signature, NamesWhatItKnows) {
  EXPECT_THROW(static_cast<void>(detect_format({})), ItemFailure);
  try {
    static_cast<void>(detect_format(bytes_of({'G', 'I', 'F', '8', '9', 'a'})));
    FAIL() << "a GIF was accepted";
  } catch (const ItemFailure& failure) {
    EXPECT_EQ(failure.code(), ItemErrorCode::unsupported_format);
    EXPECT_NE(std::string(failure.what()).find("GIF"), std::string::npos);
  }
}

TEST(Parsers, SurviveAnyBytes) {
  std::mt19937 random(2);
  for (int round = 0; round < 50'000; ++round) {
    std::vector<std::byte> bytes(random() % 80);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random() % 4 == 0 ? 0xFF : random());
    bytes.shrink_to_fit();
    static_cast<void>(jpeg_has_end(bytes));
    static_cast<void>(jpeg_exif(bytes));
    static_cast<void>(walk_png_chunks(bytes));
  }
}

}  // namespace
}  // namespace forebay
