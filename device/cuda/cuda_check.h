#pragma once

#include <cuda_runtime_api.h>

#include <source_location>

#include "device/backend.h"

namespace forebay::cuda {

/// Whether the context is lost after this error: the toolkit's header says that the process must be
/// terminated.
[[nodiscard]] bool is_sticky(cudaError_t error) noexcept;

/// Throws BackendError for anything but success: sticky, out of memory, or recoverable. A recoverable error
/// is cleared, so that the next call does not meet it again. `action` is what was tried, for the message.
void check(cudaError_t error, const char* action,
           std::source_location where = std::source_location::current());

/// For destructors: says what went wrong once, on stderr, and goes on. Errors of a driver that is already
/// shutting down and those after a sticky error are silent: nothing is left to release.
void check_noexcept(cudaError_t error, const char* action) noexcept;

}  // namespace forebay::cuda
