#include "pipeline/cli/version_text.h"

#include <fmt/format.h>

#include "device/cuda_module.h"
#include "pipeline/version.h"

namespace forebay::cli {

std::string version_text() {
  return fmt::format("forebay {} ({}, CUDA module: {})", version, build_type,
                     cuda_module_available(nullptr) ? "yes" : "no");
}

}  // namespace forebay::cli
