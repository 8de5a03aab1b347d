#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace forebay {

/// The evidence against an item that was quarantined: a line of quarantine.jsonl. What differs from one run
/// to the next (times, memory) stands here and not in items.jsonl.
struct Quarantine {
  std::string how;                    ///< how the last attempt ended: "killed by signal 11 (SIGSEGV)"
  int signal = 0;                     ///< that ended it, or 0
  std::optional<int> exit_code;       ///< that it ended with
  std::uint32_t attempts = 0;         ///< how often it was tried
  std::string last_step;              ///< where: "read", "decode", "prepare", "host stage 1", "device"
  double seconds = 0;                 ///< that the last attempt took
  double cpu_s = 0;                   ///< that its process took in all its life, in user and kernel mode
  std::uint64_t peak_rss_bytes = 0;   ///< of that process
  std::optional<std::string> sha256;  ///< of the file, in hex; none where it has none or could not be read
  std::optional<std::uint64_t> file_bytes;
};

}  // namespace forebay
