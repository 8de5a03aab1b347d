#pragma once

#include <cstdint>
#include <string_view>

namespace forebay {

/// How a picture is resampled; names and results are Pillow's (antialiased).
enum class Filter : std::uint8_t { nearest = 0, box = 1, bilinear = 2, bicubic = 3, lanczos = 4 };

[[nodiscard]] constexpr std::string_view to_string(Filter filter) noexcept {
  switch (filter) {
    case Filter::nearest: return "nearest";
    case Filter::box: return "box";
    case Filter::bilinear: return "bilinear";
    case Filter::bicubic: return "bicubic";
    case Filter::lanczos: return "lanczos";
  }
  return "invalid";
}

}  // namespace forebay
