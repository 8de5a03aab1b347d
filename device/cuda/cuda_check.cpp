#include "device/cuda/cuda_check.h"

#include <atomic>
#include <cstdio>
#include <string>

namespace forebay::cuda {

bool is_sticky(cudaError_t error) noexcept {
  switch (static_cast<int>(error)) {
    case 46:   // devices unavailable
    case 214:  // uncorrectable ECC error
    case 220:  // NVLink error
    case 226:  // contained exception
    case 700:  // illegal address
    case 702:  // launch timeout
    case 710:  // assert
    case 714:  // hardware stack error
    case 715:  // illegal instruction
    case 716:  // misaligned address
    case 717:  // invalid address space
    case 718:  // invalid program counter
    case 719:  // launch failure
    case 721:  // external device
    case 810:  // MPS client terminated
    case 911:  // external device failure
      return true;
    default: return false;
  }
}

void check(cudaError_t error, const char* action, std::source_location where) {
  if (error == cudaSuccess) return;
  const std::string message =
      std::string(action) + ": " + cudaGetErrorName(error) + " (" + cudaGetErrorString(error) + ")";
  if (is_sticky(error)) throw BackendError(BackendError::Kind::sticky, message, where);
  static_cast<void>(cudaGetLastError());
  const auto kind = error == cudaErrorMemoryAllocation ? BackendError::Kind::out_of_memory
                                                       : BackendError::Kind::recoverable;
  throw BackendError(kind, message, where);
}

void check_noexcept(cudaError_t error, const char* action) noexcept {
  if (error == cudaSuccess || error == cudaErrorCudartUnloading || is_sticky(error)) return;
  static std::atomic<bool> said{false};
  if (!said.exchange(true))
    static_cast<void>(std::fprintf(stderr, "forebay: %s: %s\n", action, cudaGetErrorName(error)));
}

}  // namespace forebay::cuda
