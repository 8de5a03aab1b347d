#include "host/process/child_setup.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "host/error.h"
#include "host/process/child.h"

namespace forebay {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool reserves_address_space = true;
#else
constexpr bool reserves_address_space = false;
#endif

void set_affinity(ChildSetup& setup, const SpawnOptions& options) {
  if (options.affinity.empty()) return;
  const long cpus = ::sysconf(_SC_NPROCESSORS_CONF);
  for (const unsigned cpu : options.affinity) {
    if (cpu >= CPU_SETSIZE || (cpus > 0 && cpu >= static_cast<unsigned long>(cpus))) {
      throw Error(ErrorCode::usage,
                  fmt::format("there is no CPU {}: this machine's are 0 to {}", cpu, cpus - 1));
    }
    CPU_SET(cpu, &setup.affinity);
  }
  setup.has_affinity = true;
}

void limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard, const char* what) {
  rlimit now{};
  ::getrlimit(resource, &now);
  // Only a privileged process may raise its hard limit: then the limit is what it is already.
  if (soft > now.rlim_max) soft = now.rlim_max;
  if (hard > now.rlim_max) hard = now.rlim_max;
  const rlimit wanted{soft, hard};
  if (::setrlimit(resource, &wanted) != 0)
    throw os_error(errno, fmt::format("cannot limit a child's {}", what));
}

}  // namespace

ChildSetup setup_of(const SpawnOptions& options) {
  ChildSetup setup;
  set_affinity(setup, options);
  if (options.memory_bytes) {
    if (reserves_address_space) {
      throw Error(ErrorCode::environment,
                  "a memory limit (memory_bytes) cannot be had in a build with AddressSanitizer or "
                  "ThreadSanitizer, which reserve terabytes of address space; use another build");
    }
    if (*options.memory_bytes == 0) throw Error(ErrorCode::usage, "no process lives in 0 bytes of memory");
    setup.memory_bytes = *options.memory_bytes;
  }
  if (options.cpu_time) {
    if (options.cpu_time->count() < 1)
      throw Error(ErrorCode::usage, "the limit on CPU time is at least 1 second");
    setup.cpu_time_s = static_cast<std::uint64_t>(options.cpu_time->count());
  }
  return setup;
}

void apply(const ChildSetup& setup, int directory) {
  if (setup.has_affinity && ::sched_setaffinity(0, sizeof(setup.affinity), &setup.affinity) != 0) {
    throw os_error(errno, "cannot set a child's CPU affinity",
                   "name CPUs that this container may use (taskset -p $$)");
  }
  if (directory >= 0 && ::fchdir(directory) != 0) {
    throw os_error(errno, "cannot enter a child's working directory");
  }
  // Soft: SIGXCPU, which a process may handle; one second more: SIGKILL.
  if (setup.cpu_time_s != 0) limit(RLIMIT_CPU, setup.cpu_time_s, setup.cpu_time_s + 1, "CPU time");
  if (setup.memory_bytes != 0) limit(RLIMIT_AS, setup.memory_bytes, setup.memory_bytes, "memory");
}

}  // namespace forebay
