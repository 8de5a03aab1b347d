#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <stdexcept>

#include "host/process/process.h"
#include "tests/process/probe.h"

namespace forebay::probe {

/// Joins, within the tests' patience, and gives the exit code.
inline int joined(Process& process) {
  if (!process.join(patience)) {
    process.kill();
    process.join();
    throw std::runtime_error("process " + process.name() + " did not end");
  }
  return process.exit_code().value();
}

inline int run(Process& process) {
  process.start();
  return joined(process);
}

inline void signal_event(int eventfd) {
  const std::uint64_t one = 1;
  if (::write(eventfd, &one, sizeof(one)) != sizeof(one)) throw std::runtime_error("cannot signal");
}

inline bool is_signalled(int eventfd, std::chrono::milliseconds timeout = 0ms) {
  pollfd entry{eventfd, POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(timeout.count())) == 1;
}

/// Throws where nobody signals.
inline void await(int eventfd) {
  if (!is_signalled(eventfd, patience)) throw std::runtime_error("nobody signalled");
}

/// A process's function: says that it is there, and stays until a signal ends it.
inline void sleep_until_killed(const UniqueFd& ready) {
  signal_event(ready.get());
  while (true) ::pause();
}

}  // namespace forebay::probe
