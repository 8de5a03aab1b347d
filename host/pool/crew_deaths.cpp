#include <algorithm>
#include <string>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/pool/crew.h"
#include "host/pool/crew_error.h"
#include "host/process/crash_point.h"

// How members of a crew end, by themselves or by its will, and what becomes of their tasks. Under its lock.

namespace forebay {

/// Confirms the exits of members that have ended, and settles what they had.
void Crew::bury_the_dead(Deliveries& out) {
  for (std::size_t i = 0; i < members_.size();) {
    CrewMember& member = *members_[i];
    const bool late_start = !member.ready && Clock::now() > member.since + limits::child_start;
    const bool late_stop = member.stopping && Clock::now() > member.since + limits::crew_exit;
    if (late_start || late_stop) member.child().kill_group();
    const auto status = member.ended ? member.child().wait_until(Clock::time_point{}) : std::nullopt;
    if (!status) {
      ++i;
      continue;
    }
    while (collect_from(member, out) && out.size() < limits::crew_deliveries_max) {
    }
    if (out.size() >= limits::crew_deliveries_max) return;  // the next round goes on
    crash_point("pool.death.confirmed");
    poller_.remove(member.child().pidfd());
    std::unique_ptr<CrewMember> dead = std::move(members_[i]);
    members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(i));
    settle(*dead, *status, out);
    note_busy();
  }
}

void Crew::settle(CrewMember& member, const ExitStatus& status, Deliveries& out) {
  const bool expected = member.stopping && member.load() == 0;
  if (!expected && !terminated_ && options_.on_death == OnDeath::break_pool) {
    const std::string why = member.condemned() ? "a worker was killed after task_timeout" : "a worker died";
    break_with(std::make_exception_ptr(BrokenProcessPool(why + ", so the pool's tasks are given up: pid " +
                                                         std::to_string(member.child().pid()) + ", " +
                                                         describe(status))),
               out);
  } else if (!member.able && !terminated_ && ++deaths_before_able_ >= limits::crew_start_deaths_max) {
    break_with(std::make_exception_ptr(BrokenProcessPool(
                   std::to_string(deaths_before_able_) +
                   " workers died one after another before they could work; the last: " + describe(status))),
               out);
  }
  std::vector<std::unique_ptr<CrewTask>> rest;
  std::optional<std::uint32_t> guilty;
  if (member.front() != nullptr) guilty = member.item_at_death(*member.front());
  if (guilty) returned_nothing(*member.front(), *guilty, out);
  while (member.front() != nullptr) rest.push_back(member.pop_front());
  for (auto task = rest.rbegin(); task != rest.rend(); ++task) {
    if (broken_) {
      fail_rest(**task, broken_, out);
    } else if (guilty && task + 1 == rest.rend()) {
      charge(member, std::move(*task), *guilty, status, out);
    } else {
      requeue_front(std::move(*task));
    }
  }
}

/// The worker died of `item`: by policy it runs again, or fails; the items behind it are not concerned.
void Crew::charge(CrewMember& member, std::unique_ptr<CrewTask> task, std::uint32_t item,
                  const ExitStatus& status, Deliveries& out) {
  ++task->deaths;
  if (options_.on_death == OnDeath::retry && task->deaths <= options_.retries) {
    requeue_front(std::move(task));
    crash_point("pool.task.requeued");
    return;
  }
  crash_point("pool.task.failed");
  const pid_t pid = member.child().pid();
  const std::uint64_t index = task->sink->index_of(item);
  out.add_failure(task->sink, item,
                  member.condemned()
                      ? std::make_exception_ptr(
                            TaskTimeout(pid, *options_.task_timeout, task->serial, index, task->deaths))
                      : std::make_exception_ptr(WorkerDied(pid, status, task->serial, index, task->deaths)));
  task->deaths = 0;
  task->next = item + 1;
  if (task->next < task->count) {
    requeue_front(std::move(task));
  } else {
    tasks_.erase(task->serial);
  }
}

/// The crew cannot go on: everything that it has fails with `error`, and so does what comes.
void Crew::break_with(std::exception_ptr error, Deliveries& out) {
  if (broken_) return;
  broken_ = std::move(error);
  closed_ = true;
  for (const auto& task : queue_) fail_rest(*task, broken_, out);
  queue_.clear();
  for (const auto& member : members_) {
    // Their tasks fail in settle(), after their exit is confirmed.
    member->closing = true;
    member->child().kill_group();
  }
}

/// After terminate().
void Crew::end_members(Deliveries& out) {
  if (!broken_) {
    broken_ = std::make_exception_ptr(PoolTerminated());
    for (const auto& task : queue_) fail_rest(*task, broken_, out);
    queue_.clear();
  }
  for (const auto& member : members_) {
    member->closing = true;
    if (Clock::now() >= kill_at_) member->child().kill_group();
  }
}

/// Tells those to end that are to end and have nothing left.
void Crew::retire_and_stop() {
  const bool no_more = closed_ && queue_.empty();
  const auto now = Clock::now();
  for (const auto& member : members_) {
    if (member->stopping) continue;
    while (member->retiring) {
      auto task = member->take_back_last();
      if (!task) break;
      requeue_front(std::move(task));
    }
    if (member->load() != 0) continue;
    const bool idle_too_long =
        options_.idle_timeout.count() > 0 && now - member->since >= options_.idle_timeout;
    if (no_more || !member->open() || idle_too_long) stalled_ = !member->send_stop() || stalled_;
  }
}

/// Whether there is something to do that only the thread does, and of which no event tells.
bool Crew::thread_is_due() const noexcept {
  if ((starting_ == 0 && wanted() > 0) || (closed_ && tasks_.empty())) return true;
  return std::any_of(members_.begin(), members_.end(), [this](const auto& member) {
    const bool idle = member->load() == 0 && (!member->open() || options_.idle_timeout.count() > 0);
    return !member->stopping && (idle || member->retiring);
  });
}

}  // namespace forebay
