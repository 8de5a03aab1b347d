// The CUDA module's one exported function.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <exception>
#include <memory>

#include "device/cuda/cuda_backend.h"
#include "device/cuda_module_api.h"

namespace {

using forebay::Backend;
using forebay::ErrorCode;

void put(char* text, std::size_t bytes, const char* format, const char* argument) noexcept {
  static_cast<void>(std::snprintf(text, bytes, format, argument));
}

int count_devices(char* error, std::size_t bytes) noexcept {
  int count = 0;
  const cudaError_t state = cudaGetDeviceCount(&count);
  if (state == cudaErrorNoDevice) return 0;
  if (state != cudaSuccess) {
    put(error, bytes, "the CUDA driver does not answer: %s; install a driver, or use --device cpu",
        cudaGetErrorString(state));
    return -1;
  }
  return count;
}

Backend* open_device(int ordinal, char* error, std::size_t bytes, std::uint32_t* code) noexcept {
  *code = static_cast<std::uint32_t>(ErrorCode::no_device);
  const int count = count_devices(error, bytes);
  if (count < 0) return nullptr;
  if (ordinal < 0 || ordinal >= count) {
    static_cast<void>(std::snprintf(
        error, bytes, "there is no cuda:%d, the driver has %d device(s); use --device cpu or auto", ordinal,
        count));
    return nullptr;
  }
  try {
    return std::make_unique<forebay::cuda::CudaBackend>(ordinal).release();
  } catch (const std::exception& failure) {
    *code = static_cast<std::uint32_t>(ErrorCode::device);
    put(error, bytes, "cannot open the CUDA device: %s", failure.what());
    return nullptr;
  }
}

void close_device(Backend* backend) noexcept { std::unique_ptr<Backend>{backend}.reset(); }

bool describe_device(int ordinal, char* name, std::size_t bytes, std::uint64_t* memory_bytes) noexcept {
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, ordinal) != cudaSuccess) return false;
  put(name, bytes, "%s", properties.name);
  *memory_bytes = properties.totalGlobalMem;
  return true;
}

constexpr forebay::CudaModule module_table{forebay::cuda_module_abi, &open_device, &close_device,
                                           &count_devices, &describe_device};

}  // namespace

extern "C" __attribute__((visibility("default"))) const forebay::CudaModule* forebay_cuda_module() {
  return &module_table;
}
