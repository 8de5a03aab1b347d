#pragma once

#include <cstddef>
#include <cstdint>

#include "device/backend.h"

namespace forebay {

/// Bump with every change of Backend, BackendError or CudaModule: the module may be another build than the
/// executable.
inline constexpr std::uint32_t cuda_module_abi = 3;

/// What the CUDA module exports through its one C entry `forebay_cuda_module`. Errors cross as text and a
/// code, so that no exception type is needed to match between the two images.
struct CudaModule {
  std::uint32_t abi;
  /// Opens a device; null, and `error` and `code` (an ErrorCode) filled, where that fails.
  Backend* (*open)(int ordinal, char* error, std::size_t error_bytes, std::uint32_t* code) noexcept;
  void (*close)(Backend* backend) noexcept;
  /// The number of devices; -1 and `error` filled where there is no driver.
  int (*count)(char* error, std::size_t error_bytes) noexcept;
  /// Name and memory of a device; false where that fails.
  bool (*describe)(int ordinal, char* name, std::size_t name_bytes, std::uint64_t* memory_bytes) noexcept;
};

}  // namespace forebay
