#include "host/process/process_info.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "host/process/system_file.h"

namespace forebay {
namespace {

std::optional<std::uint64_t> field_of(pid_t pid, const char* file, std::string_view key) {
  const std::optional<std::string> text = read_system_file("/proc/" + std::to_string(pid) + "/" + file);
  return text ? field_bytes(*text, key) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> peak_rss_bytes(pid_t pid) { return field_of(pid, "status", "VmHWM:"); }

std::optional<std::uint64_t> rss_bytes(pid_t pid) { return field_of(pid, "status", "VmRSS:"); }

std::optional<std::uint64_t> start_time_of(pid_t pid) {
  const auto text = read_system_file("/proc/" + std::to_string(pid) + "/stat");
  if (!text) return std::nullopt;
  // Field 22; the second, the name in brackets, may hold blanks.
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(*text).substr(name_end + 1);
  for (int field = 3; field <= 22; ++field) {
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
    const std::size_t end = std::min(rest.size(), rest.find(' '));
    if (field == 22) {
      const auto ticks = parse_number(rest.substr(0, end));
      return ticks ? std::optional(static_cast<std::uint64_t>(*ticks)) : std::nullopt;
    }
    rest.remove_prefix(end);
  }
  return std::nullopt;
}

std::uint64_t oom_kills_since_boot() {
  const auto text = read_system_file("/proc/vmstat");
  return text ? field_bytes(*text, "oom_kill").value_or(0) : 0;
}

std::optional<std::uint64_t> pss_bytes(pid_t pid) { return field_of(pid, "smaps_rollup", "Pss:"); }

}  // namespace forebay
