#include "host/process/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <memory>
#include <string_view>
#include <thread>

#include "host/process/cgroup.h"
#include "host/process/system_file.h"

namespace forebay {
namespace {

/// A period of zero, a negative quota (v1: none), "max" and anything that is no number mean no quota.
std::optional<double> ratio(std::optional<std::int64_t> quota_us, std::optional<std::int64_t> period_us) {
  if (!quota_us || !period_us || *quota_us <= 0 || *period_us <= 0) return std::nullopt;
  return static_cast<double>(*quota_us) / static_cast<double>(*period_us);
}

std::optional<double> quota_of(const CgroupFolder& folder) {
  const auto line = [&folder](const char* file) {
    return std::string(first_line(read_system_file(folder.directory + file).value_or("")));
  };
  if (folder.version == 1) {
    return ratio(parse_number(line("/cpu.cfs_quota_us")), parse_number(line("/cpu.cfs_period_us")));
  }
  const std::string both = line("/cpu.max");
  const std::size_t blank = both.find(' ');
  if (blank == std::string::npos) return std::nullopt;
  return ratio(parse_number(std::string_view(both).substr(0, blank)),
               parse_number(std::string_view(both).substr(blank)));
}

struct FreeCpuSet {
  void operator()(cpu_set_t* set) const noexcept { CPU_FREE(set); }
};

}  // namespace

unsigned affinity_cores() {
  // The kernel answers EINVAL while the set is smaller than its own, so grow it, far beyond any machine.
  for (int cpus = 1024; cpus <= 1024 * 64; cpus *= 4) {
    const std::unique_ptr<cpu_set_t, FreeCpuSet> set(CPU_ALLOC(static_cast<unsigned>(cpus)));
    const std::size_t size = CPU_ALLOC_SIZE(static_cast<unsigned>(cpus));
    if (!set) break;
    if (::sched_getaffinity(0, size, set.get()) == 0) {
      return std::max(1U, static_cast<unsigned>(CPU_COUNT_S(size, set.get())));
    }
    if (errno != EINVAL) break;
  }
  return std::max(1U, std::thread::hardware_concurrency());
}

std::optional<double> cpu_quota_cores(const std::string& root) {
  std::optional<double> smallest;
  for (const CgroupFolder& folder : cgroup_folders("cpu", root)) {
    const std::optional<double> quota = quota_of(folder);
    if (quota && (!smallest || *quota < *smallest)) smallest = quota;
  }
  return smallest;
}

unsigned usable_cores(const std::string& root) {
  const unsigned cores = affinity_cores();
  const std::optional<double> quota = cpu_quota_cores(root);
  if (!quota || *quota >= cores) return cores;
  return std::max(1U, static_cast<unsigned>(std::ceil(*quota)));
}

}  // namespace forebay
