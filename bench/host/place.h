#pragma once

#include <sched.h>

#include <cstddef>
#include <stdexcept>
#include <vector>

#include "host/sync/wait_point.h"

/// Keeps this thread on one of the cores that it may use (on the last, where there are fewer), until the end
/// of the scope. A process that starts meanwhile inherits it, so start the partner before.
class OnCore {
 public:
  explicit OnCore(std::size_t index) {
    if (::sched_getaffinity(0, sizeof(before_), &before_) != 0) throw std::runtime_error("no list of cores");
    std::vector<int> cores;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &before_)) cores.push_back(core);
    }
    cpu_set_t mine;
    CPU_ZERO(&mine);
    CPU_SET(cores.at(index < cores.size() ? index : cores.size() - 1), &mine);
    if (::sched_setaffinity(0, sizeof(mine), &mine) != 0) throw std::runtime_error("cannot stay on a core");
  }
  OnCore(const OnCore&) = delete;
  OnCore& operator=(const OnCore&) = delete;
  ~OnCore() { ::sched_setaffinity(0, sizeof(before_), &before_); }

 private:
  cpu_set_t before_{};
};

/// For who stays on a core and is to spin all the same: Forebay looks how many cores a process may use at its
/// first wait, and spins only where there are several.
inline void learn_cores() { static_cast<void>(forebay::SpinBudget().next()); }
