#pragma once

#include <string>

namespace forebay {

/// Cores that this process may use: the affinity mask, capped by the cgroup CPU quota (v1 cfs_quota_us /
/// cfs_period_us, v2 cpu.max, of every ancestor; rounded up) . At least 1. `root` as in MemoryBudget::read.
[[nodiscard]] unsigned usable_cores(const std::string& root = {});

}  // namespace forebay
