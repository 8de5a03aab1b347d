#include "tests/crash_host/soak_killer.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "host/limits.h"
#include "tests/crash_host/outcomes.h"

namespace forebay::crash {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::microseconds between_kills_max{9'000};
constexpr std::chrono::microseconds stopped_max{3'000};

// A pool gives up when limits::crew_start_deaths_max workers die one after another before they can work, and
// rightly: so a new worker comes to work at least every few kills. Outcomes alone do not show that: an old
// one may give them all while its neighbour is killed at every start. Not more than half of that limit, as
// the new one may have come right after the first kill.
constexpr unsigned kills_without_worker_max = limits::crew_start_deaths_max / 2;

}  // namespace

Killer::Killer(std::vector<Load*> loads, DeathLog& log, std::uint64_t seed)
    : loads_(std::move(loads)),
      outcomes_seen_(loads_.size(), 0),
      workers_seen_(loads_.size(), 0),
      kills_since_(loads_.size(), 0),
      log_(log),
      random_(seed) {}

void Killer::pause_up_to(std::chrono::microseconds longest) {
  const std::chrono::microseconds time(random_() % static_cast<std::uint64_t>(longest.count()));
  const timespec pause{0, std::chrono::nanoseconds(time).count()};
  static_cast<void>(::ppoll(nullptr, 0, &pause, nullptr));
}

void Killer::run(std::uint64_t kills, SoakReport& report) {
  while (report.kills < kills) {
    const std::size_t load = random_() % loads_.size();
    if (!wait_for_progress(load, report)) return;
    if (kill_one(load, report)) ++report.kills;
    note_answers(report);
    pause_up_to(between_kills_max);
  }
  const auto give_up = Clock::now() + std::chrono::seconds(1);
  while (!open_.empty() && Clock::now() < give_up) {
    note_answers(report);
    pause_up_to(between_kills_max);
  }
}

bool Killer::wait_for_progress(std::size_t load, SoakReport& report) {
  const auto give_up = Clock::now() + patience;
  const auto came_on = [&] {
    return loads_[load]->outcomes() != outcomes_seen_[load] &&
           loads_[load]->workers_at_work() != workers_seen_[load];
  };
  while (kills_since_[load] >= kills_without_worker_max && !came_on()) {
    if (Clock::now() > give_up) {
      report.stuck += "load " + std::to_string(load) + " does not go on; ";
      return false;
    }
    pause_up_to(std::chrono::microseconds(500));
  }
  if (came_on()) {
    kills_since_[load] = 0;
    outcomes_seen_[load] = loads_[load]->outcomes();
    workers_seen_[load] = loads_[load]->workers_at_work();
  }
  ++kills_since_[load];
  return true;
}

bool Killer::kill_one(std::size_t load, SoakReport& report) {
  const std::vector<pid_t> pids = loads_[load]->worker_pids();
  if (pids.empty()) return false;
  const pid_t pid = pids[random_() % pids.size()];
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // Still a worker, so it was not reaped, so the descriptor names this worker and nobody else.
  const std::vector<pid_t> again = loads_[load]->worker_pids();
  if (!process.valid() || std::find(again.begin(), again.end(), pid) == again.end()) return false;
  pollfd entry{process.get(), POLLIN, 0};
  if (::poll(&entry, 1, 0) != 0) return false;  // it has ended already
  const auto send = [&](int number) { ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0); };
  int number = SIGKILL;
  switch (random_() % 8) {
    case 0:
      ++report.stopped;
      send(SIGSTOP);
      pause_up_to(stopped_max);
      break;
    case 1:
      ++report.segfaults;
      number = SIGSEGV;
      break;
    default: break;
  }
  Kill kill{pid, Clock::now(), {}};
  send(number);
  if (::poll(&entry, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) != 1) {
    report.stuck += "process " + std::to_string(pid) + " does not end; ";
  }
  kill.ended = Clock::now();
  open_.push_back(kill);
  return true;
}

/// A death that costs no task is never told; after a while nobody waits for its word.
void Killer::note_answers(SoakReport& report) {
  const auto too_old = Clock::now() - std::chrono::seconds(2);
  std::erase_if(open_, [&](const Kill& kill) {
    const auto when = log_.take(kill.pid);
    if (when) {
      report.kill_to_answer.push_back(*when - kill.signalled);
      // The thread that told may have been quicker than this one's wake-up.
      report.exit_to_answer.push_back(
          std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(*when - kill.ended)));
    }
    return when || kill.ended < too_old;
  });
}

}  // namespace forebay::crash
