#pragma once

#include <string>

namespace forebay::cli {

/// What --version prints: version, build type, whether the CUDA module lies where it is looked for.
[[nodiscard]] std::string version_text();

}  // namespace forebay::cli
