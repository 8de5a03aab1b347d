#include "pipeline/decode/png_filter.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <vector>

namespace forebay {
namespace {

/// The specification, word by word.
std::vector<std::uint8_t> undone(int filter, const std::vector<std::uint8_t>& raw,
                                 const std::vector<std::uint8_t>& prior, std::size_t step) {
  std::vector<std::uint8_t> out(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const int a = i < step ? 0 : out[i - step];
    const int b = prior[i];
    const int c = i < step ? 0 : prior[i - step];
    const int p = a + b - c;
    const int pa = std::abs(p - a);
    const int pb = std::abs(p - b);
    const int pc = std::abs(p - c);
    const int paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    const int guesses[] = {0, a, b, (a + b) / 2, paeth};
    out[i] = static_cast<std::uint8_t>(raw[i] + guesses[filter]);
  }
  return out;
}

TEST(PngFilter, EveryFilterAndStepIsTheSpecifications) {
  std::mt19937 random(3);
  for (const std::size_t step : {1U, 2U, 3U, 4U, 6U, 8U}) {
    for (int round = 0; round < 200; ++round) {
      const std::size_t bytes = step * (1 + random() % 40);
      std::vector<std::uint8_t> raw(bytes);
      std::vector<std::uint8_t> prior(bytes);
      for (auto& byte : raw) byte = static_cast<std::uint8_t>(random());
      for (auto& byte : prior) byte = static_cast<std::uint8_t>(random() % 4 == 0 ? 255 : random());
      const int filter = round % 5;
      std::vector<std::uint8_t> out(bytes);
      ASSERT_TRUE(undo_png_filter(static_cast<std::uint8_t>(filter), raw.data(), prior.data(), bytes, step,
                                  out.data()));
      ASSERT_EQ(out, undone(filter, raw, prior, step)) << "filter " << filter << ", step " << step;
    }
  }
}

TEST(PngFilter, OthersAreRefused) {
  std::uint8_t byte = 0;
  for (int filter = 5; filter < 256; ++filter) {
    EXPECT_FALSE(undo_png_filter(static_cast<std::uint8_t>(filter), &byte, &byte, 0, 1, &byte));
  }
}

}  // namespace
}  // namespace forebay
