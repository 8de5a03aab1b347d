#include "host/process/guardian_table.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>

#include "host/process/system_file.h"

namespace forebay::detail {
namespace {

constexpr long pidfs_magic = 0x5049'4446;            // linux/magic.h: PID_FS_MAGIC
constexpr unsigned signal_process_group = 1U << 2U;  // linux/pidfd.h: PIDFD_SIGNAL_PROCESS_GROUP
constexpr int start_time_field = 20;                 // of /proc/PID/stat, counted from the one after the name

/// proc(5): the name, in parentheses, may hold blanks and parentheses itself.
std::uint64_t start_time(pid_t pid) {
  const std::string text = read_system_file("/proc/" + std::to_string(pid) + "/stat").value_or("");
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::string_view rest = std::string_view(text).substr(name_end + 1);
  for (int field = 0; field < start_time_field; ++field) {
    const std::size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return 0;
    rest.remove_prefix(blank + 1);
  }
  return static_cast<std::uint64_t>(parse_number(rest.substr(0, rest.find(' '))).value_or(0));
}

}  // namespace

std::uint64_t identity_of(int pidfd, pid_t pid) {
  struct statfs system {};
  struct stat info {};
  if (::fstatfs(pidfd, &system) == 0 && system.f_type == pidfs_magic && ::fstat(pidfd, &info) == 0) {
    return info.st_ino;
  }
  return start_time(pid);
}

void kill_group_of(int pidfd, pid_t pid) noexcept {
  if (::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, signal_process_group) == 0) return;
  if (errno != EINVAL) return;
  const UniqueFd stranger(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!stranger.valid() && errno == ESRCH) ::kill(-pid, SIGKILL);
}

}  // namespace forebay::detail
