#include "host/process/process_wait.h"

#include <string_view>

#include "host/process/system_file.h"

namespace forebay {

ProcessWait wait_of(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  ProcessWait wait;
  const auto text = read_system_file(folder + "/stat");
  if (!text) return wait;
  // Field 3; the second, the name in brackets, may hold blanks and brackets.
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= text->size()) return wait;
  wait.state = (*text)[name_end + 2];
  const auto channel = read_system_file(folder + "/wchan");
  if (channel && first_line(*channel) != "0") wait.channel = first_line(*channel);
  return wait;
}

std::string describe(const ProcessWait& wait) {
  std::string text = "state ";
  text += wait.state;
  return wait.channel.empty() ? text : text + " in " + wait.channel;
}

}  // namespace forebay
