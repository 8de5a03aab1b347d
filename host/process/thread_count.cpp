#include "host/process/thread_count.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>

#include "host/process/system_file.h"

namespace forebay {

bool detail::is_ending(std::string_view stat) noexcept {
  // The name of the thread comes first, and may contain anything.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return false;
  std::string_view rest = stat.substr(name_end + 1);
  // Behind it: state, parent, group, session, terminal, its group, flags.
  constexpr int flags_field = 7;
  for (int field = 0; field < flags_field; ++field) {
    const std::size_t blank = rest.find_first_not_of(' ');
    if (blank == std::string_view::npos) return false;
    rest.remove_prefix(blank);
    if (field + 1 == flags_field) break;
    rest.remove_prefix(std::min(rest.find(' '), rest.size()));
  }
  // PF_EXITING of linux/sched.h, which programs do not get: set before whoever joins is woken.
  constexpr std::int64_t exiting = 0x4;
  const auto flags = parse_number(rest.substr(0, rest.find(' ')));
  return flags && (*flags & exiting) != 0;
}

std::optional<unsigned> thread_count() {
  struct stat info {};
  // A folder has a link for itself, one from above, and one for each folder in it.
  if (::stat("/proc/self/task", &info) != 0 || info.st_nlink < 3) return std::nullopt;
  if (info.st_nlink == 3) return 1;
  unsigned count = 0;
  std::error_code none;
  for (std::filesystem::directory_iterator task("/proc/self/task", none), end; !none && task != end;
       task.increment(none)) {
    const std::optional<std::string> stat = read_system_file(task->path().string() + "/stat");
    if (stat && !detail::is_ending(*stat)) ++count;
  }
  if (none) return std::nullopt;
  return count;
}

}  // namespace forebay
