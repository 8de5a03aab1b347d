#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace forebay {

/// Checks a condition that only a bug in Forebay, or a caller that breaks a documented
/// precondition, can make false. Prints one line and aborts: going on could lose data.
/// Stays on in release builds; use it where the check costs nothing beside the work.
inline void expect(bool condition, const char* promise,
                   std::source_location where = std::source_location::current()) noexcept {
  if (condition) [[likely]]
    return;
  std::fprintf(stderr, "forebay: broken contract: %s (%s:%u)\n", promise, where.file_name(),
               static_cast<unsigned>(where.line()));
  std::abort();
}

}  // namespace forebay
