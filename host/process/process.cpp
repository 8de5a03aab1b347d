#include "host/process/process.h"

#include <signal.h>

#include "host/error.h"
#include "host/process/current_process.h"
#include "host/process/process_registry.h"
#include "host/process/process_state.h"

namespace forebay {

using Clock = std::chrono::steady_clock;

Process::Process(ProcessOptions options, Call call)
    : state_(std::make_shared<detail::ProcessState>(std::move(options), std::move(call))) {}

detail::ProcessState& Process::state() const {
  if (!state_) throw Error(ErrorCode::usage, "this Process has been moved from");
  return *state_;
}

void Process::start() { state().start(); }
void Process::join() { static_cast<void>(state().join(Clock::time_point::max())); }
bool Process::join(std::chrono::milliseconds timeout) {
  return state().join(detail::deadline_after(timeout));
}
bool Process::is_alive() { return state().is_alive(); }
std::optional<int> Process::exit_code() { return state().exit_code(); }
std::exception_ptr Process::exception() { return state().exception(); }
void Process::terminate() { state().signal(SIGTERM); }
void Process::kill() { state().signal(SIGKILL); }
void Process::interrupt() { state().signal(SIGINT); }
void Process::close() { state().close(); }
int Process::sentinel() const { return state().sentinel(); }
std::optional<pid_t> Process::pid() const { return state().pid(); }
std::string Process::name() const { return state().name(); }
bool Process::daemon() const { return state().daemon(); }
void Process::set_name(std::string name) { state().set_name(std::move(name)); }
void Process::set_daemon(bool daemon) { state().set_daemon(daemon); }

std::vector<Process> active_children() {
  std::vector<Process> alive;
  for (auto& state : detail::ProcessRegistry::instance().running()) {
    if (!state->end_by(Clock::now())) alive.push_back(Process(std::move(state)));
  }
  return alive;
}

}  // namespace forebay
