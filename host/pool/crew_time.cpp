#include <algorithm>
#include <chrono>

#include "host/limits.h"
#include "host/pool/crew.h"

// The time limit of items. A worker notes when each item begins; the crew's thread looks at that while any
// works, and kills the group of one whose item takes too long. Under the crew's lock.
//
// Only time counts in which the thread could look: it sleeps for watch_step() at most, and what it comes
// later, because the machine or this process was stopped or is overloaded, is added to every limit. Ctrl+Z
// stops this process alone, and its workers go on; a container's pause stops all. Neither may cost an item.

namespace forebay {
namespace {

/// Far beyond any clock's reading, near to no overflow.
constexpr std::chrono::hours ever{24 * 365 * 100};

}  // namespace

Crew::Clock::duration Crew::watch_step() const noexcept {
  const Clock::duration limit = std::min<std::chrono::milliseconds>(*options_.task_timeout, ever);
  const Clock::duration part = std::clamp<Clock::duration>(limit / limits::crew_watch_parts,
                                                           limits::crew_watch_min, limits::crew_watch_max);
  return std::min(part, limit);
}

void Crew::note_heard(CrewMember& member) const noexcept {
  if (options_.task_timeout) member.heard = Clock::now();
}

/// A member has work from now on: the thread may sleep for longer than its next look is due.
void Crew::watch_from_now() noexcept {
  if (!options_.task_timeout || watching_) return;
  watching_ = true;
  wake_thread();
}

bool Crew::is_late(CrewMember& member, const CrewMember::Work& work, Clock::time_point now,
                   Clock::duration unwatched) const {
  Clock::duration limit = std::min<std::chrono::milliseconds>(*options_.task_timeout, ever);
  if (!work.item) limit = std::max<Clock::duration>(limit, limits::crew_begin_min);
  CrewMember::Watch& watch = member.watch;
  if (watch.begin != work.since) watch = {work.since, {}, {}};
  watch.unwatched +=
      std::clamp(unwatched, Clock::duration{0}, std::max(now - work.since, Clock::duration{0}));
  watch.due = work.since + limit + watch.unwatched;
  return now >= watch.due;
}

void Crew::end_the_late() {
  if (!options_.task_timeout) return;
  const auto now = Clock::now();
  const Clock::duration passed = now - looked_;
  const Clock::duration in_time = watch_step() + limits::crew_watch_slack;
  const Clock::duration unwatched = interrupted_ ? passed : std::max(passed - in_time, Clock::duration{0});
  looked_ = now;
  interrupted_ = false;
  for (const auto& member : members_) {
    if (!member->able || member->condemned()) continue;
    const auto work = member->work();
    if (!work || !is_late(*member, *work, now, unwatched)) continue;
    // What lies in its ring came in time; the next round takes it, and looks again.
    if (member->results().readable()) continue;
    if (member->condemn(*work)) member->child().kill_group();
  }
}

/// When the thread is to look again at the latest.
Crew::Clock::time_point Crew::next_look() const noexcept {
  auto due = Clock::time_point::max();
  if (!options_.task_timeout) return due;
  const auto now = Clock::now();
  for (const auto& member : members_) {
    if (member->load() == 0 || member->condemned()) continue;
    due = std::min(due, now + watch_step());
    // One that is late has something in its ring, or it would have been ended.
    if (member->watch.due > now) due = std::min(due, member->watch.due);
  }
  return due;
}

}  // namespace forebay
