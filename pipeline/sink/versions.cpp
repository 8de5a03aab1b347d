#include "pipeline/sink/versions.h"

// jpeglib.h needs FILE and size_t to be known.
#include <cstddef>
#include <cstdio>

#include <fmt/format.h>
#include <jpeglib.h>
#include <spng.h>
#include <webp/decode.h>

#include "pipeline/version.h"

namespace forebay {
namespace {

std::string jpeg_version() {
  constexpr int number = LIBJPEG_TURBO_VERSION_NUMBER;  // 2001005 is 2.1.5
  return fmt::format("{}.{}.{}", number / 1'000'000, number / 1000 % 1000, number % 1000);
}

std::string webp_version() {
  const int number = WebPGetDecoderVersion();
  return fmt::format("{}.{}.{}", number >> 16, (number >> 8) & 0xFF, number & 0xFF);
}

}  // namespace

std::map<std::string, std::string> component_versions() {
  return {{"forebay", std::string(version)},
          {"libjpeg-turbo", jpeg_version()},
          {"libspng", spng_version_string()},
          {"libwebp", webp_version()},
          {"compiler", fmt::format("gcc {}", __VERSION__)}};
}

}  // namespace forebay
