#include "host/process/process_wait.h"

#include <string_view>

#include "host/process/system_file.h"

namespace forebay {

namespace {

/// As in /proc/PID/stat; ? where there is none.
char state_of(const std::string& folder) {
  const auto text = read_system_file(folder + "/stat");
  if (!text) return '?';
  // Field 3; the second, the name in brackets, may hold blanks and brackets.
  const std::size_t name_end = text->rfind(')');
  return name_end == std::string::npos || name_end + 2 >= text->size() ? '?' : (*text)[name_end + 2];
}

std::string folder_of(pid_t pid) { return "/proc/" + std::to_string(pid); }

}  // namespace

ProcessWait wait_of(pid_t pid) {
  ProcessWait wait;
  wait.state = state_of(folder_of(pid));
  const auto channel = read_system_file(folder_of(pid) + "/wchan");
  if (channel && first_line(*channel) != "0") wait.channel = first_line(*channel);
  return wait;
}

bool is_stopped(pid_t pid) { return state_of(folder_of(pid)) == 'T'; }

std::string describe(const ProcessWait& wait) {
  std::string text = "state ";
  text += wait.state;
  return wait.channel.empty() ? text : text + " in " + wait.channel;
}

}  // namespace forebay
