#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "pipeline/decode/decoder.h"

namespace forebay {
namespace {

using Bytes = std::vector<std::byte>;

/// Small real pictures of every format: what is mutated.
std::vector<Bytes> seeds() {
  std::vector<Bytes> files;
  const std::filesystem::path odd = std::filesystem::path(FOREBAY_SHARED_DIR) / "photos" / "odd";
  if (!std::filesystem::exists(odd)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(odd)) {
    if (entry.file_size() > 40'000) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
    Bytes& file = files.emplace_back(text.size());
    std::transform(text.begin(), text.end(), file.begin(), [](char c) { return static_cast<std::byte>(c); });
  }
  return files;
}

void mutate(Bytes& file, std::mt19937& random) {
  const std::size_t changes = 1 + random() % 6;
  for (std::size_t i = 0; i < changes && !file.empty(); ++i) {
    // Headers decide most, so they are hit more often than the data.
    const std::size_t reach = random() % 2 == 0 ? std::min<std::size_t>(file.size(), 700) : file.size();
    const std::size_t at = random() % reach;
    switch (random() % 4) {
      case 0: file[at] = static_cast<std::byte>(random()); break;
      case 1: file[at] = std::byte{0xFF}; break;
      case 2: file.resize(at); break;
      default:
        file.erase(file.begin() + static_cast<std::ptrdiff_t>(at),
                   file.begin() + static_cast<std::ptrdiff_t>(std::min(file.size(), at + 1 + random() % 9)));
    }
  }
  file.shrink_to_fit();  // so that AddressSanitizer sees the first byte beyond
}

/// True if it decoded; false if it was refused as data. Anything else ends the test.
bool decodes(const Bytes& file, const DecodeOptions& options, std::mt19937& random) {
  try {
    const ImageInfo info = probe_image(file, options);
    if (std::uint64_t{info.width} * info.height > 4'000'000) return false;  // time, not correctness
    Region needed;
    needed.x = static_cast<std::uint32_t>(random() % info.width);
    needed.y = static_cast<std::uint32_t>(random() % info.height);
    needed.width = static_cast<std::uint32_t>(1 + random() % (info.width - needed.x));
    needed.height = static_cast<std::uint32_t>(1 + random() % (info.height - needed.y));
    const Region region = decodable_region(info, needed, options);
    EXPECT_LE(region.x, needed.x);
    EXPECT_GE(region.x + region.width, needed.x + needed.width);
    EXPECT_LE(region.x + region.width, info.width);
    EXPECT_LE(region.y + region.height, info.height);
    std::vector<std::uint8_t> pixels(std::size_t{region.width} * region.height * rgb_bytes);
    static_cast<void>(decode_image(file, info, region, options, pixels.data()));
    return true;
  } catch (const ItemFailure& failure) {
    EXPECT_NE(failure.code(), ItemErrorCode::none);
    EXPECT_EQ(std::string(failure.what()).find('\n'), std::string::npos);
    return false;
  }
}

TEST(DecodeFuzz, MutatedPicturesAreDecodedOrRefused) {
  const std::vector<Bytes> files = seeds();
  if (files.empty()) GTEST_SKIP() << "NO TEST PHOTOS in " << FOREBAY_SHARED_DIR;
  std::mt19937 random(20261124);
  int decoded = 0;
  int refused = 0;
  constexpr int rounds = 3000;
  for (int round = 0; round < rounds; ++round) {
    Bytes file = files[random() % files.size()];
    mutate(file, random);
    DecodeOptions options;
    options.mode = static_cast<DecodeMode>(round % 2);
    options.strict = round % 5 == 0;
    (decodes(file, options, random) ? decoded : refused)++;
  }
  EXPECT_GT(decoded, rounds / 20) << "mutations must reach the decoders";
  EXPECT_GT(refused, rounds / 20);
}

TEST(DecodeFuzz, AGoodPictureDecodesAfterABadOne) {
  // The JPEG decoder keeps its state from one picture to the next: no bad one may leave anything behind.
  const std::vector<Bytes> files = seeds();
  if (files.empty()) GTEST_SKIP() << "NO TEST PHOTOS in " << FOREBAY_SHARED_DIR;
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    Bytes bad = files[random() % files.size()];
    mutate(bad, random);
    decodes(bad, {}, random);
    ASSERT_TRUE(decodes(files[random() % files.size()], {}, random)) << "round " << round;
  }
}

}  // namespace
}  // namespace forebay
