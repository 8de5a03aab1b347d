#include "host/memory/memory_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "host/error.h"
#include "host/process/cgroup.h"
#include "host/process/system_file.h"

namespace forebay {
namespace {

std::optional<std::uint64_t> read_bytes(const std::string& path) {
  const std::optional<std::string> text = read_system_file(path);
  const std::optional<std::int64_t> number = text ? parse_number(first_line(*text)) : std::nullopt;
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

/// File pages that nobody used lately: the kernel gives them up before it enforces the limit, so they count
/// as free. Inactive only: what is active may be someone's working set. v2's figure includes the descendants,
/// as v1's total_.
std::uint64_t reclaimable_bytes(const CgroupFolder& folder) {
  const std::optional<std::string> stat = read_system_file(folder.directory + "/memory.stat");
  if (!stat) return 0;
  if (const auto total = field_bytes(*stat, "total_inactive_file")) return *total;
  return field_bytes(*stat, "inactive_file").value_or(0);
}

/// What the limit of one cgroup leaves; nothing where it has none ("max", no file) or no usage is told.
std::optional<std::uint64_t> left_in(const CgroupFolder& folder) {
  const bool v2 = folder.version == 2;
  const auto limit = read_bytes(folder.directory + (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
  const auto usage = read_bytes(folder.directory + (v2 ? "/memory.current" : "/memory.usage_in_bytes"));
  if (!limit || !usage) return std::nullopt;
  const std::uint64_t used = *usage - std::min(*usage, reclaimable_bytes(folder));
  return *limit - std::min(*limit, used);
}

std::string in_mib(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024.0 * 1024.0));
}

}  // namespace

MemoryBudget MemoryBudget::read(const std::string& root) {
  MemoryBudget budget{std::numeric_limits<std::uint64_t>::max(), "no known limit"};
  const auto lower = [&budget](std::optional<std::uint64_t> bytes, std::string name) {
    if (bytes) budget.lower(*bytes, std::move(name));
  };
  const std::string meminfo = read_system_file(root + "/proc/meminfo").value_or("");
  lower(field_bytes(meminfo, "MemAvailable:"), "MemAvailable");
  for (const CgroupFolder& folder : cgroup_folders("memory", root)) {
    const char* file = folder.version == 2 ? "memory.max" : "memory.limit_in_bytes";
    lower(left_in(folder), fmt::format("cgroup v{} {} of {}", folder.version, file, folder.name));
  }
  return budget;
}

void MemoryBudget::lower(std::uint64_t bytes, std::string name) {
  if (bytes < available_bytes) *this = {bytes, std::move(name)};
}

void MemoryBudget::admit(std::uint64_t bytes, const std::string& what, const std::string& remedy) const {
  if (bytes <= available_bytes) return;
  throw Error(ErrorCode::no_memory, fmt::format("{} needs {}, but {} leaves {}; {}", what, in_mib(bytes),
                                                limit, in_mib(available_bytes), remedy));
}

}  // namespace forebay
