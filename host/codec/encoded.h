#pragma once

#include <cstddef>
#include <vector>

#include "host/memory/unique_fd.h"

namespace forebay {

/// Values as they travel to another process: their bytes, and the descriptors that belong to them (shared
/// memory of large ranges, files and channels that were arguments). Move-only. Meaningful only to a process
/// of the same executable: the layout of plain types is the compiler's.
struct Encoded {
  Encoded() noexcept = default;
  Encoded(Encoded&&) noexcept = default;
  Encoded& operator=(Encoded&&) noexcept = default;
  Encoded(const Encoded&) = delete;
  Encoded& operator=(const Encoded&) = delete;
  ~Encoded() = default;

  std::vector<std::byte> bytes;
  std::vector<UniqueFd> fds;
};

}  // namespace forebay
