#pragma once

#include <string>
#include <vector>

namespace forebay::cli {

/// What the driver says of its devices.
struct CudaDevices {
  std::vector<std::string> names;  ///< "NVIDIA H100 (80 GB)"
  std::string error;               ///< why there are none; empty otherwise
};

/// Asks the driver in a spawned child, so that this process never maps it. Blocks until the child has
/// answered, died, or limits::owner_start has passed. Never throws for what the driver does.
[[nodiscard]] CudaDevices ask_for_cuda_devices();

}  // namespace forebay::cli
