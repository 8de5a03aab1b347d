#include "host/process/process_info.h"

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

std::optional<std::uint64_t> pss_bytes(pid_t pid) { return field_of(pid, "smaps_rollup", "Pss:"); }

}  // namespace forebay
