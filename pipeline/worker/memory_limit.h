#pragma once

#include <cstdint>

namespace forebay {

/// From now on this process may have `bytes` of private memory more than it has: an allocation beyond fails
/// with std::bad_alloc (RLIMIT_DATA, which leaves shared memory out). Memory that is allocated and not
/// touched counts. Does nothing under a sanitizer, whose own memory is private too. Throws
/// Error(environment).
void limit_memory(std::uint64_t bytes);

}  // namespace forebay
