// The decoders behind a C interface, so that a script can compare them with Pillow.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "pipeline/decode/decoder.h"

using namespace forebay;  // NOLINT(google-build-using-namespace): one small file

namespace {

constexpr int overrun = 999;
constexpr std::size_t guard_bytes = 64;
constexpr std::uint8_t guard = 0xAB;

int report(const ItemFailure& failure, char* message) {
  const std::string text = std::string(to_string(failure.code())) + ": " + failure.what();
  std::memcpy(message, text.c_str(), std::min<std::size_t>(text.size() + 1, 500));
  return static_cast<int>(failure.code());
}

DecodeOptions options_of(int whole) {
  DecodeOptions options;
  options.mode = whole != 0 ? DecodeMode::whole : DecodeMode::needed;
  return options;
}

}  // namespace

extern "C" int bridge_probe(const std::byte* file, std::size_t bytes, std::uint32_t* size, char* message) {
  try {
    const ImageInfo info = probe_image({file, bytes}, {});
    size[0] = info.width;
    size[1] = info.height;
    return 0;
  } catch (const ItemFailure& failure) {
    return report(failure, message);
  }
}

/// Decodes what is needed of `x, y, width, height` and copies exactly that to `out`.
extern "C" int bridge_decode(const std::byte* file, std::size_t bytes, int whole, const std::uint32_t* box,
                             std::uint8_t* out, char* message) {
  try {
    const DecodeOptions options = options_of(whole);
    const ImageInfo info = probe_image({file, bytes}, options);
    const Region needed{box[0], box[1], box[2], box[3]};
    const Region region = decodable_region(info, needed, options);
    const std::size_t row_bytes = std::size_t{region.width} * rgb_bytes;
    std::vector<std::uint8_t> pixels(row_bytes * region.height + guard_bytes, guard);
    decode_image({file, bytes}, info, region, options, pixels.data());
    if (std::any_of(pixels.end() - guard_bytes, pixels.end(),
                    [](std::uint8_t byte) { return byte != guard; })) {
      return overrun;
    }
    for (std::size_t y = 0; y < needed.height; ++y) {
      const std::uint8_t* from =
          pixels.data() + (needed.y - region.y + y) * row_bytes + (needed.x - region.x) * rgb_bytes;
      std::copy_n(from, needed.width * rgb_bytes, out + y * needed.width * rgb_bytes);
    }
    return 0;
  } catch (const ItemFailure& failure) {
    return report(failure, message);
  }
}
