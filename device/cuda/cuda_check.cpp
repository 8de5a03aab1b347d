#include "device/cuda/cuda_check.h"

#include <atomic>
#include <cstdio>
#include <string>

namespace forebay::cuda {

// What the call refused without touching the device's state: by the toolkit's header these leave the context
// as it was. Everything else is sticky, an error that this list does not know included: a lost context that
// goes on would give wrong rows, a new owner costs a second.
BackendError::Kind kind_of(cudaError_t error) noexcept {
  switch (static_cast<int>(error)) {
    case 2: return BackendError::Kind::out_of_memory;
    case 1:    // invalid value
    case 9:    // invalid configuration of a launch
    case 21:   // invalid direction of a copy
    case 98:   // no such kernel on this device
    case 101:  // no such device
    case 209:  // no kernel image for this device
    case 400:  // invalid handle
    case 701:  // a launch needs more registers than there are
    case 712:  // page-locked already
    case 713:  // not page-locked
    case 800:  // not permitted
    case 801:  // not supported
      return BackendError::Kind::recoverable;
    default: return BackendError::Kind::sticky;
  }
}

namespace {

[[noreturn]] void fail(BackendError::Kind kind, cudaError_t error, const char* action,
                       std::source_location where) {
  static_cast<void>(cudaGetLastError());  // cleared, where it can be: the next call must not meet it again
  throw BackendError(
      kind, std::string(action) + ": " + cudaGetErrorName(error) + " (" + cudaGetErrorString(error) + ")",
      where);
}

}  // namespace

void check(cudaError_t error, const char* action, std::source_location where) {
  if (error != cudaSuccess) fail(kind_of(error), error, action, where);
}

void check_event(cudaError_t error, const char* action, std::source_location where) {
  if (error != cudaSuccess) fail(BackendError::Kind::sticky, error, action, where);
}

void check_noexcept(cudaError_t error, const char* action) noexcept {
  if (error == cudaSuccess || error == cudaErrorCudartUnloading ||
      kind_of(error) == BackendError::Kind::sticky)
    return;
  static std::atomic<bool> said{false};
  if (!said.exchange(true))
    static_cast<void>(std::fprintf(stderr, "forebay: %s: %s\n", action, cudaGetErrorName(error)));
}

}  // namespace forebay::cuda
