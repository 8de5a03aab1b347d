#include "host/memory/cgroup_memory.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>

#include "host/process/system_file.h"

namespace forebay {
namespace {

constexpr std::array<std::string_view, 1> limits_v1{"memory.limit_in_bytes"};
constexpr std::array<std::string_view, 2> limits_v2{"memory.max", "memory.high"};

std::optional<std::uint64_t> read_bytes(const std::string& path) {
  const std::optional<std::string> text = read_system_file(path);
  const std::optional<std::int64_t> number = text ? parse_number(first_line(*text)) : std::nullopt;
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

/// Inactive only: what is active may be someone's working set. v2's figure includes the descendants, as v1's
/// total_.
std::uint64_t reclaimable_bytes(const CgroupFolder& folder) {
  const std::optional<std::string> stat = read_system_file(folder.directory + "/memory.stat");
  if (!stat) return 0;
  if (const auto total = field_bytes(*stat, "total_inactive_file")) return *total;
  return field_bytes(*stat, "inactive_file").value_or(0);
}

}  // namespace

std::vector<MemoryRoom> rooms_in(const CgroupFolder& folder) {
  const bool v2 = folder.version == 2;
  std::vector<MemoryRoom> rooms;
  const auto usage = read_bytes(folder.directory + (v2 ? "/memory.current" : "/memory.usage_in_bytes"));
  if (!usage) return rooms;
  for (const std::string_view file : v2 ? std::span<const std::string_view>(limits_v2) : limits_v1) {
    const auto limit = read_bytes(folder.directory + "/" + std::string(file));
    if (!limit) continue;
    const std::uint64_t used = *usage - std::min(*usage, reclaimable_bytes(folder));
    rooms.push_back({file, *limit, *limit - std::min(*limit, used)});
  }
  return rooms;
}

}  // namespace forebay
