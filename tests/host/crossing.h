#pragma once

#include <cstddef>
#include <exception>
#include <vector>

#include "host/process/remote_error.h"

// Exceptions on their way to another process, for tests of what arrives.
namespace forebay::probe {

template <typename Thrower>
std::exception_ptr thrown_by(Thrower&& thrower) {
  try {
    thrower();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

/// As process 4711 sends it, of its task 7, which runs "resize".
inline std::vector<std::byte> bytes_of(const std::exception_ptr& exception) {
  return encode_exception(exception, 4711, 7, "resize");
}

inline std::exception_ptr crossed(const std::exception_ptr& exception) {
  return decode_exception(bytes_of(exception));
}

}  // namespace forebay::probe
