#pragma once

#include <string>

#include "samples/picture_painter.h"

/// How a JPEG is written. The default is what most photos are: baseline, 4:2:0, quality 90.
struct JpegStyle {
  int quality = 90;
  int horizontal_sampling = 2;  ///< 2 and 2: 4:2:0; 2 and 1: 4:2:2; 1 and 1: 4:4:4
  int vertical_sampling = 2;
  bool progressive = false;
  bool grey = false;
};

/// The encoded file. Throws std::runtime_error where the library refuses.
[[nodiscard]] std::string encode_jpeg(const Picture& picture, const JpegStyle& style);
[[nodiscard]] std::string encode_png(const Picture& picture);
[[nodiscard]] std::string encode_webp(const Picture& picture, float quality);
