#include "tests/crash_host/family.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace forebay::crash {
namespace {

std::string title_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

void adopt_orphans() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) throw std::runtime_error("cannot adopt orphans");
}

std::vector<pid_t> living_children() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  std::vector<pid_t> children;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(thread.path() / "children");
    for (pid_t pid = 0; in >> pid;) children.push_back(pid);
  }
  return children;
}

std::chrono::milliseconds wait_for_no_children(std::chrono::milliseconds patience, std::string& left) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  while (true) {
    const std::vector<pid_t> children = living_children();
    const auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    if (children.empty()) return taken;
    if (taken > patience) {
      for (const pid_t child : children) {
        left += std::to_string(child) + " " + title_of(child) + "; ";
        ::kill(child, SIGKILL);
      }
      return taken;
    }
    static_cast<void>(::poll(nullptr, 0, 1));
  }
}

}  // namespace forebay::crash
