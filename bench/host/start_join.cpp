// What it takes to start an empty process and to join it, beside the system's own limit: posix_spawn of this
// same program, which then returns from main at once, and of /bin/true. The four take turns, so that a slow
// moment hurts all. Prints one line of JSON.
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <iostream>
#include <vector>

#include "bench/host/figures.h"
#include "host/process/init.h"
#include "host/process/process.h"

extern char** environ;

namespace {

constexpr const char* leave_at_once = "--leave-at-once";

void nothing() {}

double ms_of_process(forebay::StartMethod method) {
  const Stopwatch watch;
  forebay::Process process({.start_method = method}, nothing);
  process.start();
  process.join();
  const double ms = watch.seconds() * 1e3;
  if (process.exit_code() != 0) throw std::runtime_error("an empty process did not end with exit code 0");
  return ms;
}

double ms_of_posix_spawn(const char* path, const char* argument) {
  // posix_spawn takes its arguments as changeable, but changes none.
  std::array<char*, 3> arguments{const_cast<char*>(path), const_cast<char*>(argument), nullptr};
  const Stopwatch watch;
  pid_t pid = 0;
  if (const int error = ::posix_spawn(&pid, path, nullptr, nullptr, arguments.data(), environ); error != 0) {
    throw std::runtime_error(std::string("cannot start ") + path + ": " + std::strerror(error));
  }
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || status != 0) {
    throw std::runtime_error(std::string(path) + " did not end with exit code 0");
  }
  return watch.seconds() * 1e3;
}

void run(std::uint32_t count) {
  std::vector<double> spawn;
  std::vector<double> forkserver;
  std::vector<double> itself;
  std::vector<double> small;
  ms_of_process(forebay::StartMethod::spawn);       // the spawner thread is there
  ms_of_process(forebay::StartMethod::forkserver);  // the server too
  for (std::uint32_t i = 0; i < count; ++i) {
    spawn.push_back(ms_of_process(forebay::StartMethod::spawn));
    itself.push_back(ms_of_posix_spawn("/proc/self/exe", leave_at_once));
    forkserver.push_back(ms_of_process(forebay::StartMethod::forkserver));
    small.push_back(ms_of_posix_spawn("/bin/true", nullptr));
  }
  Figures figures;
  figures.add("spawn_ms", quantile(spawn, 0.5));
  figures.add("forkserver_ms", quantile(forkserver, 0.5));
  figures.add("posix_spawn_itself_ms", quantile(itself, 0.5));
  figures.add("posix_spawn_true_ms", quantile(small, 0.5));
  figures.print();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == leave_at_once) return 0;
  forebay::init(argc, argv);
  try {
    run(counts_of(argc, argv, 1, "start_join COUNT")[0]);
  } catch (const std::exception& error) {
    std::cerr << "start_join: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
