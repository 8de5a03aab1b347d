#include "host/memory/memory_pressure.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "host/limits.h"
#include "host/memory/cgroup_memory.h"
#include "host/process/system_file.h"

namespace forebay {
namespace {

/// What is left of `whole` is so little that the kernel reclaims at every allocation.
bool is_little(std::uint64_t left, std::uint64_t whole) {
  return left < std::min(whole / limits::pressure_left_parts, limits::pressure_left_bytes);
}

std::string in_mib(std::uint64_t bytes) { return fmt::format("{} MiB", bytes >> 20U); }

/// "some avg10=0.00 avg60=0.00 avg300=0.00 total=186463": microseconds for which at least one task waited.
std::optional<std::uint64_t> total_us(const std::string& text) {
  constexpr std::string_view key = "total=";
  const std::string_view line = first_line(text);
  const std::size_t begin = line.find(key);
  if (!line.starts_with("some") || begin == std::string_view::npos) return std::nullopt;
  const auto number = parse_number(line.substr(begin + key.size()));
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

}  // namespace

MemoryPressure::MemoryPressure(std::string root)
    : root_(std::move(root)), folders_(cgroup_folders("memory", root_)) {}

std::uint64_t MemoryPressure::growth(const std::string& name, std::uint64_t value) {
  const auto [entry, first] = counters_.try_emplace(name, value);
  const std::uint64_t before = std::exchange(entry->second, value);
  return first || value < before ? 0 : value - before;
}

std::optional<std::string> MemoryPressure::stalled(const std::string& file, const std::string& who,
                                                   double elapsed_us) {
  const std::optional<std::string> text = read_system_file(file);
  const std::optional<std::uint64_t> total = text ? total_us(*text) : std::nullopt;
  if (!total) return std::nullopt;
  const double share = static_cast<double>(growth(file, *total)) / elapsed_us;
  if (share < limits::pressure_stalled_share) return std::nullopt;
  return fmt::format("{} waited for memory {:.0f} % of the time", who, std::min(share, 1.0) * 100);
}

std::optional<std::string> MemoryPressure::look_at(const CgroupFolder& folder, double elapsed_us) {
  const std::string who = fmt::format("cgroup v{} {}", folder.version, folder.name);
  std::optional<std::string> why;
  // Every counter is read in every look: what grew while another reason was found is not news in the next.
  if (folder.version == 2) {
    const std::string events = read_system_file(folder.directory + "/memory.events").value_or("");
    for (const std::string_view key : {"oom", "oom_kill"}) {
      const auto count = field_bytes(events, key);
      if (count && growth(folder.directory + std::string(key), *count) > 0) {
        why = fmt::format("the OOM killer met {}", who);
      }
    }
    if (auto found = stalled(folder.directory + "/memory.pressure", who, elapsed_us)) why = std::move(found);
  }
  for (const MemoryRoom& room : rooms_in(folder)) {
    if (is_little(room.left, room.limit)) {
      why = fmt::format("{} {} leaves {} of {}", who, room.file, in_mib(room.left), in_mib(room.limit));
    }
  }
  return why;
}

std::optional<std::string> MemoryPressure::look_at_machine() const {
  const std::string meminfo = read_system_file(root_ + "/proc/meminfo").value_or("");
  const auto available = field_bytes(meminfo, "MemAvailable:");
  const auto total = field_bytes(meminfo, "MemTotal:");
  if (!available || !total || !is_little(*available, *total)) return std::nullopt;
  return fmt::format("MemAvailable is {} of {}", in_mib(*available), in_mib(*total));
}

std::optional<std::string> MemoryPressure::look(std::chrono::steady_clock::duration elapsed) {
  const double elapsed_us = std::max(1.0, std::chrono::duration<double, std::micro>(elapsed).count());
  std::optional<std::string> why = stalled(root_ + "/proc/pressure/memory", "the machine", elapsed_us);
  if (auto found = look_at_machine()) why = std::move(found);
  for (const CgroupFolder& folder : folders_) {
    if (auto found = look_at(folder, elapsed_us)) why = std::move(found);
  }
  return why;
}

}  // namespace forebay
