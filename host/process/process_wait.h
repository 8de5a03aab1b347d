#pragma once

#include <sys/types.h>

#include <string>

namespace forebay {

/// What a process does right now, as the kernel sees it.
struct ProcessWait {
  char state = '?';  ///< as in /proc/PID/stat: R, S, D, T (stopped), t (traced), Z; ? where it has ended
  std::string
      channel;  ///< the kernel function in which it sleeps; empty where it does not, or may not be seen
};

/// Looks at process `pid`. Thread-safe; blocks for two reads in /proc.
[[nodiscard]] ProcessWait wait_of(pid_t pid);

/// Whether process `pid` is stopped (SIGSTOP). Thread-safe; blocks for a read in /proc.
[[nodiscard]] bool is_stopped(pid_t pid);

/// "state S in ep_poll", "state R".
[[nodiscard]] std::string describe(const ProcessWait& wait);

}  // namespace forebay
