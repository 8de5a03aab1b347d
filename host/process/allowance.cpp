#include "host/process/allowance.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "host/process/cgroup.h"
#include "host/process/system_file.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

std::optional<std::uint64_t> hard_limit(__rlimit_resource resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_max;
}

std::optional<std::uint64_t> soft_limit(__rlimit_resource resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

/// The kernel does not hold root to RLIMIT_NPROC, nor who may exceed limits.
bool exempt(const std::string& status) {
  constexpr unsigned sys_admin = 21;
  constexpr unsigned sys_resource = 24;
  if (::getuid() == 0) return true;
  constexpr std::string_view key = "CapEff:\t";
  const std::size_t begin = status.find(key);
  if (begin == std::string::npos) return false;
  std::uint64_t held = 0;
  std::from_chars(status.data() + begin + key.size(), status.data() + status.size(), held, 16);
  return (held >> sys_admin & 1U) != 0 || (held >> sys_resource & 1U) != 0;
}

/// All tasks of the machine: "0.20 0.18 0.12 1/80 11206".
std::optional<std::uint64_t> tasks_of_machine() {
  const std::string text = read_system_file("/proc/loadavg").value_or("");
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const std::size_t end = text.find(' ', slash);
  const auto number = parse_number(std::string_view(text).substr(slash + 1, end - slash - 1));
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

/// Tasks of this real user in all processes that show here but this one.
std::uint64_t tasks_of_user() {
  std::uint64_t tasks = 0;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    const auto pid = parse_number(name);
    if (!pid || *pid == ::getpid()) continue;
    const auto status = read_system_file(entry->path() / "status");
    if (!status) continue;
    const std::size_t uid = status->find("Uid:\t");
    if (uid == std::string::npos) continue;
    const std::string_view value = std::string_view(*status).substr(uid + 5);
    if (parse_number(value.substr(0, value.find('\t'))) != static_cast<std::int64_t>(::getuid())) continue;
    tasks += field_bytes(*status, "Threads:").value_or(1);
  }
  return tasks;
}

}  // namespace

void Allowance::lower(std::uint64_t amount, std::string name) {
  if (amount < most) *this = {amount, std::move(name)};
}

Allowance descriptors_allowed() {
  Allowance allowance;
  if (const auto most = hard_limit(RLIMIT_NOFILE)) allowance.lower(*most, "RLIMIT_NOFILE (ulimit -Hn)");
  return allowance;
}

std::uint64_t descriptors_open() {
  std::error_code error;
  std::uint64_t count = 0;
  for (fs::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error)) {
    ++count;
  }
  return count > 0 ? count - 1 : 0;  // the one that looks
}

void raise_descriptor_limit(std::uint64_t wanted) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));  // up to the hard limit it is always allowed
}

std::uint64_t own_tasks(const std::string& root) {
  return field_bytes(read_system_file(root + "/proc/self/status").value_or(""), "Threads:").value_or(1);
}

Allowance tasks_allowed(const std::string& root) {
  Allowance allowance;
  const std::uint64_t own = own_tasks(root);
  for (const CgroupFolder& folder : cgroup_folders("pids", root)) {
    const auto number = [&folder](const char* file) {
      return parse_number(first_line(read_system_file(folder.directory + file).value_or("")));
    };
    const std::optional<std::int64_t> most = number("/pids.max");
    if (!most || *most < 0) continue;
    const auto there =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, number("/pids.current").value_or(0)));
    const std::uint64_t others = there - std::min(there, own);
    const auto limit = static_cast<std::uint64_t>(*most);
    allowance.lower(limit - std::min(limit, others),
                    fmt::format("cgroup v{} pids.max of {}", folder.version, folder.name));
  }
  if (!root.empty()) return allowance;  // a recorded tree has neither limits nor processes
  const std::optional<std::uint64_t> most = soft_limit(RLIMIT_NPROC);
  if (!most || exempt(read_system_file("/proc/self/status").value_or(""))) return allowance;
  // Where all tasks of the machine are few beside the limit, nobody has to be counted one by one.
  constexpr std::uint64_t far = 4096;
  const std::uint64_t all = tasks_of_machine().value_or(*most);
  const std::uint64_t others = all + far < *most ? all : tasks_of_user();
  allowance.lower(*most - std::min(*most, others), "RLIMIT_NPROC (ulimit -u)");
  return allowance;
}

Allowance file_size_allowed() {
  Allowance allowance;
  if (const auto most = soft_limit(RLIMIT_FSIZE)) allowance.lower(*most, "RLIMIT_FSIZE (ulimit -f)");
  return allowance;
}

Allowance address_space_allowed() {
  Allowance allowance;
  if (const auto most = soft_limit(RLIMIT_AS)) allowance.lower(*most, "RLIMIT_AS (ulimit -v)");
  return allowance;
}

}  // namespace forebay
