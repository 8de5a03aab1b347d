// The guide's critical pitfall: a process that is started and never joined is a zombie once it has ended.
#include <poll.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "forebay/host.h"

namespace {

void work() {}

/// 'Z' in the third field of /proc/PID/stat. The second one is the name in parentheses.
bool is_zombie(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_ends = line.rfind(')');
  return name_ends != std::string::npos && line.compare(name_ends, 3, ") Z") == 0;
}

int count_zombies(const std::vector<pid_t>& pids) {
  int zombies = 0;
  for (const pid_t pid : pids) zombies += is_zombie(pid) ? 1 : 0;
  return zombies;
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  std::vector<pid_t> pids;
  for (int i = 0; i < 3; ++i) {
    forebay::Process process(work);
    process.start();
    pids.push_back(*process.pid());
    pollfd ended{process.sentinel(), POLLIN, 0};  // readable when it has ended; nobody has joined it
    ::poll(&ended, 1, -1);
  }
  std::printf("Started, ended, not joined: %d zombies\n", count_zombies(pids));
  std::printf("active_children() finds %zu that run, and reaps the others\n",
              forebay::active_children().size());
  std::printf("Left: %d zombies\n", count_zombies(pids));
}
