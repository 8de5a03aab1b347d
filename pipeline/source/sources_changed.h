#pragma once

#include <cstdint>

#include "host/error.h"

namespace forebay {

/// Of a source that does not begin with the `items` entries that are done; `found`: as many as it has, or
/// `items` where their names differ.
[[nodiscard]] Error sources_changed(std::uint64_t items, std::uint64_t found);

}  // namespace forebay
