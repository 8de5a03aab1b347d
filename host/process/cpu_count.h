#pragma once

#include <optional>
#include <string>

namespace forebay {

/// Cores that this process may use: the affinity mask, capped by the cgroup CPU quota (v1 cfs_quota_us /
/// cfs_period_us, v2 cpu.max, of every ancestor; rounded up). At least 1. `root` as in MemoryBudget::read
/// (the affinity is always this process's own).
[[nodiscard]] unsigned usable_cores(const std::string& root = {});

/// The smallest cgroup CPU quota among this process's cgroup and its ancestors, in cores. Nothing where there
/// is none.
[[nodiscard]] std::optional<double> cpu_quota_cores(const std::string& root = {});

/// Cores in this process's affinity mask. At least 1.
[[nodiscard]] unsigned affinity_cores();

}  // namespace forebay
