#pragma once

#include <string>
#include <vector>

#include "pipeline/options.h"

namespace forebay::cli {

/// What `forebay run` was asked to do.
struct RunArguments {
  std::vector<std::string> sources;
  PipelineOptions options;
  std::string out;            ///< empty: no files (with --sink none only)
  bool write_tensors = true;  ///< --sink npy
  bool force = false;
  bool resume = false;
  bool durable = false;
  bool quiet = false;
  bool json = false;
};

}  // namespace forebay::cli
