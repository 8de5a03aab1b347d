// The guide's pitfall "pool size selection": as many workers as there are cores for them, less one. A pool's
// default is that; it looks at what this process may use, not at what the machine has.
#include <sched.h>

#include <cstdio>

#include "forebay/host.h"

namespace {

void say_size() {
  std::printf("Tied to one CPU: %u usable, a pool of %u\n", forebay::usable_cores(),
              forebay::default_pool_size());
}

/// The first CPU that this process may use: not always number 0, in a container.
unsigned first_cpu() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return 0;
  unsigned cpu = 0;
  while (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set) == 0) ++cpu;
  return cpu;
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  const unsigned cores = forebay::usable_cores();  // affinity and cgroup quota
  const unsigned expected = cores > 1 ? cores - 1 : 1;
  std::printf("Here: %u usable\n", cores);
  std::printf("One is left to the system and the caller: %s\n",
              forebay::default_pool_size() == expected ? "true" : "false");
  std::printf("Pool() has as many workers: %s\n", forebay::Pool().size() == expected ? "true" : "false");
  std::fflush(stdout);  // a child has a buffer of its own: what it prints should not come before this

  forebay::Process tied({.affinity = {first_cpu()}}, say_size);
  tied.start();
  tied.join();
}
