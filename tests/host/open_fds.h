#pragma once

#include <cstddef>
#include <filesystem>

namespace forebay {

/// Descriptors that this process has open.
inline std::size_t open_fds() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count - 1;  // the iterator's own
}

}  // namespace forebay
