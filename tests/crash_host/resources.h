#pragma once

#include <cstdint>
#include <string>

namespace forebay::crash {

/// What this process holds: what must not grow.
struct Resources {
  std::uint64_t files = 0;
  std::uint64_t mappings = 0;
  std::uint64_t threads = 0;   ///< that have not begun to end
  std::uint64_t children = 0;  ///< zombies included
  std::uint64_t rss_kib = 0;
  std::uint64_t shared_files = 0;  ///< names in /dev/shm

  [[nodiscard]] static Resources now();
  [[nodiscard]] std::string text() const;
};

}  // namespace forebay::crash
