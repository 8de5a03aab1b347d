#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace forebay {

/// The CUDA module is a shared library of its own that only owner processes load: coordinator and workers
/// never map it. It is looked for at $FOREBAY_CUDA_MODULE, beside the executable's image (lib/forebay below
/// it or its parent), and where this library was built or installed.

/// Whether the module's file exists; loads nothing. `why` says what is missing otherwise. Thread-safe.
[[nodiscard]] bool cuda_module_available(std::string* why);

/// A device as the driver names it.
struct CudaDevice {
  std::string name;
  std::uint64_t memory_bytes = 0;
};

/// Loads the module and asks the driver for its devices. For spawned processes only: it maps the driver.
/// Throws Error(no_device) with one clear line.
[[nodiscard]] std::vector<CudaDevice> cuda_probe();

}  // namespace forebay
