#include "tests/crash/pipeline_killer.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "host/memory/unique_fd.h"

namespace forebay::crash {
namespace {

struct SeatState {
  pid_t pid = 0;
  double busy_s = 0;
};

SeatState state_of(const RunStats& stats, std::size_t seat) {
  if (seat < stats.workers.size()) return {stats.workers[seat].pid, stats.workers[seat].busy_s};
  return {stats.owner.pid, stats.owner.busy_s};
}

}  // namespace

PipelineKiller::PipelineKiller(const Pipeline& pipeline, const SoakOptions& options, std::uint64_t seed,
                               Kills& kills)
    : pipeline_(pipeline),
      options_(options),
      random_(seed),
      kills_(kills),
      seats_(options.workers + (options.owner ? 1U : 0U)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

bool PipelineKiller::any_open() const {
  return std::any_of(seats_.begin(), seats_.end(), [](const Seat& seat) { return seat.open; });
}

void PipelineKiller::run(const std::stop_token& stop) {
  const std::chrono::milliseconds every(options_.every_ms);
  auto next = Clock::now() + every;
  while (!stop.stop_requested()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
    const auto longest = std::chrono::milliseconds(any_open() ? 1 : 10);
    static_cast<void>(::poll(nullptr, 0, static_cast<int>(std::clamp(left, {}, longest).count())));
    if (any_open()) look();
    if (Clock::now() < next) continue;
    kill_one();
    next = std::max(next + every, Clock::now());
  }
}

void PipelineKiller::kill_one() {
  const std::size_t place = random_() % seats_.size();
  const SoakSignal& signal = options_.signals[random_() % options_.signals.size()];
  const pid_t pid = state_of(pipeline_.stats(), place).pid;
  if (pid <= 0) return;
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // Still in its place, so it was not reaped, so the descriptor names it and nobody else.
  if (!process.valid() || state_of(pipeline_.stats(), place).pid != pid) return;
  pollfd ended{process.get(), POLLIN, 0};
  if (::poll(&ended, 1, 0) != 0) return;
  const auto now = Clock::now();
  if (::syscall(SYS_pidfd_send_signal, process.get(), signal.number, nullptr, 0) != 0) return;
  ++kills_.all;
  ++kills_.by[(place < options_.workers ? "worker " : "owner ") + signal.name];
  Seat& seat = seats_[place];
  const bool stop = signal.number == SIGSTOP;
  if (seat.open && (!stop || seat.stopped) && !seat.replaced) return;  // the same victim twice
  // Its replacement was killed before it had worked: the time runs on from the first death.
  if (!seat.open) seat.since = now;
  kills_.before_work += seat.open ? 1 : 0;
  seat.killed = now;
  seat.stopped = stop || (seat.open && seat.stopped);
  seat.open = true;
  seat.replaced = false;
  seat.victim = pid;
}

void PipelineKiller::look() {
  const RunStats stats = pipeline_.stats();
  const auto now = Clock::now();
  for (std::size_t place = 0; place < seats_.size(); ++place) {
    Seat& seat = seats_[place];
    if (!seat.open) continue;
    const SeatState state = state_of(stats, place);
    const std::string role =
        std::string(seat.stopped ? "stopped " : "") + (place < options_.workers ? "worker" : "owner");
    if (!seat.replaced && state.pid != seat.victim) {
      seat.replaced = true;
      seat.busy_s = state.busy_s;
      kills_.to_process[role].push_back(now - seat.killed);
    } else if (seat.replaced && state.busy_s > seat.busy_s) {
      seat.open = false;
      kills_.to_result[role].push_back(now - seat.since);
    }
  }
}

}  // namespace forebay::crash
