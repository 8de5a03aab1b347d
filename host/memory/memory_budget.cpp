#include "host/memory/memory_budget.h"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <utility>

#include "host/error.h"
#include "host/memory/cgroup_memory.h"
#include "host/process/cgroup.h"
#include "host/process/system_file.h"

namespace forebay {
namespace {

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
    for (const MemoryRoom& room : rooms_in(folder)) {
      lower(room.left, fmt::format("cgroup v{} {} of {}", folder.version, room.file, folder.name));
    }
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
