#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/process/cgroup.h"

namespace forebay {

/// Tells when memory is about to run out, before the OOM killer acts. Looks at what the kernel counts: the
/// time that somebody waits for memory (PSI, of the machine and of each v2 cgroup), memory.events, what each
/// cgroup's limit and MemAvailable leave. A kernel that lacks one of these is asked for the others. Not
/// thread-safe.
class MemoryPressure {
 public:
  /// `root` as in MemoryBudget::read.
  explicit MemoryPressure(std::string root = {});

  /// Why memory is short now, in one line; nothing where it is not. What is counted is compared with the look
  /// before, `elapsed` ago: the first look knows levels only. Blocks for some file reads (50 us).
  [[nodiscard]] std::optional<std::string> look(std::chrono::steady_clock::duration elapsed);

 private:
  /// How much a counter has grown since the look before; 0 at the first.
  [[nodiscard]] std::uint64_t growth(const std::string& name, std::uint64_t value);
  [[nodiscard]] std::optional<std::string> stalled(const std::string& file, const std::string& who,
                                                   double elapsed_us);
  [[nodiscard]] std::optional<std::string> look_at(const CgroupFolder& folder, double elapsed_us);
  [[nodiscard]] std::optional<std::string> look_at_machine() const;

  std::string root_;
  std::vector<CgroupFolder> folders_;
  std::map<std::string, std::uint64_t> counters_;
};

}  // namespace forebay
