#pragma once

#include <cstdint>
#include <string>

namespace forebay {

/// How much memory this process may still take, by arithmetic, before anything is allocated: over a cgroup's
/// limit the kernel answers fallocate with the OOM killer, not with an error.
struct MemoryBudget {
  std::uint64_t available_bytes = 0;  ///< the smallest of all limits below
  std::string limit;  ///< which one it is, for messages: "MemAvailable", "cgroup v2 memory.max of /x" …

  /// Reads /proc/meminfo and the limits of every ancestor cgroup, v1 or v2. `root` is prepended to every
  /// path, so that recorded trees can be tested ("" for the real machine). Blocks for file reads only.
  [[nodiscard]] static MemoryBudget read(const std::string& root = {});

  /// Another limit, which counts where it is the smallest.
  void lower(std::uint64_t bytes, std::string name);

  /// Throws Error(no_memory) naming both sizes, the limit and `remedy` if `bytes` is more than is available.
  void admit(std::uint64_t bytes, const std::string& what, const std::string& remedy) const;
};

}  // namespace forebay
