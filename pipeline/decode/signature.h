#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "pipeline/decode/decoder.h"

namespace forebay {

/// The format of an encoded picture by its first bytes, whatever its name says. Throws ItemFailure:
/// empty_file, unsupported_format (a known format without a decoder here, named), not_an_image.
[[nodiscard]] ImageFormat detect_format(std::span<const std::byte> file);

}  // namespace forebay
