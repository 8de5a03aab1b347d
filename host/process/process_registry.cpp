#include "host/process/process_registry.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "host/limits.h"
#include "host/process/never_destroyed.h"

namespace forebay::detail {
namespace {

struct FinishAtExit {
  ProcessRegistry& registry;
  ~FinishAtExit() { registry.finish(); }
};

}  // namespace

ProcessRegistry& ProcessRegistry::instance() {
  static NeverDestroyed<ProcessRegistry> registry;
  static const FinishAtExit guard{registry.value};
  return guard.registry;
}

void ProcessRegistry::add(std::shared_ptr<ProcessState> state) {
  const std::scoped_lock lock(mutex_);
  states_.push_back(std::move(state));
}

void ProcessRegistry::remove(const ProcessState* state) noexcept {
  std::shared_ptr<ProcessState> last;  // destroyed outside of the lock
  const std::scoped_lock lock(mutex_);
  const auto found =
      std::find_if(states_.begin(), states_.end(), [state](const auto& one) { return one.get() == state; });
  if (found == states_.end()) return;
  last = std::move(*found);
  states_.erase(found);
}

std::vector<std::shared_ptr<ProcessState>> ProcessRegistry::running() const {
  std::vector<std::shared_ptr<ProcessState>> own;
  const std::scoped_lock lock(mutex_);
  const pid_t here = ::getpid();
  std::copy_if(states_.begin(), states_.end(), std::back_inserter(own),
               [here](const auto& state) { return state->creator() == here; });
  return own;
}

void ProcessRegistry::finish() noexcept {
  using Clock = std::chrono::steady_clock;
  std::vector<std::shared_ptr<ProcessState>> own = running();
  const auto others =
      std::stable_partition(own.begin(), own.end(), [](const auto& state) { return state->daemon(); });
  std::for_each(own.begin(), others, [](const auto& daemon) { daemon->signal_quietly(SIGTERM); });
  const auto deadline = Clock::now() + limits::child_stop;
  std::for_each(own.begin(), others, [deadline](const auto& daemon) {
    if (daemon->end_by(deadline)) return;
    daemon->signal_quietly(SIGKILL);
    static_cast<void>(daemon->end_by(Clock::now() + limits::child_reap));
  });
  std::for_each(others, own.end(),
                [](const auto& state) { static_cast<void>(state->end_by(Clock::time_point::max())); });
}

}  // namespace forebay::detail
