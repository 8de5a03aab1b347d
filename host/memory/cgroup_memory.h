#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "host/process/cgroup.h"

namespace forebay {

/// One limit on the memory of a cgroup, and what it leaves. File pages that nobody used lately count as free:
/// the kernel gives them up before it enforces the limit.
struct MemoryRoom {
  std::string_view file;    ///< "memory.max", "memory.high", "memory.limit_in_bytes"
  std::uint64_t limit = 0;  ///< bytes
  std::uint64_t left = 0;   ///< bytes
};

/// The limits of one cgroup that are set; empty where there is none ("max", no file) or no usage is told.
/// Blocks for file reads.
[[nodiscard]] std::vector<MemoryRoom> rooms_in(const CgroupFolder& folder);

}  // namespace forebay
