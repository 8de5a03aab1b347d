#pragma once

#include <cuda_runtime_api.h>

#include <source_location>

#include "device/backend.h"

namespace forebay::cuda {

/// What an error of a call means for the context: lost (sticky) unless the error is known to leave it alone.
[[nodiscard]] BackendError::Kind kind_of(cudaError_t error) noexcept;

/// Throws BackendError for anything but success: sticky, out of memory, or recoverable. A recoverable error
/// is cleared, so that the next call does not meet it again. `action` is what was tried, for the message.
void check(cudaError_t error, const char* action,
           std::source_location where = std::source_location::current());

/// The same for what an event brings: always sticky. Work that was accepted has failed, and nothing tells
/// which, so no lane's rows can be trusted.
void check_event(cudaError_t error, const char* action,
                 std::source_location where = std::source_location::current());

/// For destructors: says what went wrong once, on stderr, and goes on. Errors of a driver that is already
/// shutting down and those after a sticky error are silent: nothing is left to release.
void check_noexcept(cudaError_t error, const char* action) noexcept;

}  // namespace forebay::cuda
