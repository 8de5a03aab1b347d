#include <algorithm>
#include <cstring>
#include <utility>

#include "host/contract.h"
#include "host/limits.h"
#include "host/pool/crew.h"
#include "host/pool/crew_error.h"
#include "host/process/crash_point.h"
#include "host/process/remote_error.h"
#include "host/sync/futex.h"

// The crew's decisions under its lock: which worker gets a task, and what a record in a ring means.

namespace forebay {

std::uint32_t Crew::busy() const noexcept {
  return static_cast<std::uint32_t>(std::count_if(members_.begin(), members_.end(),
                                                  [](const auto& member) { return member->load() != 0; }));
}

/// Workers spin for their next task only where cores are left over: this tells them.
void Crew::note_busy() noexcept {
  const std::uint32_t count = busy();
  for (const auto& member : members_) member->words().busy.store(count, std::memory_order_relaxed);
}

/// Of several that are idle, the one that was last at work: its caches are warm, and it may spin still.
CrewMember* Crew::least_loaded() noexcept {
  CrewMember* best = nullptr;
  for (const auto& member : members_) {
    if (!member->open() || member->load() >= limits::crew_tasks_max) continue;
    const bool better = best == nullptr || member->load() < best->load() ||
                        (member->load() == best->load() && member->since > best->since);
    if (better) best = member.get();
  }
  return best;
}

/// True: the task is off the caller's hands. One whose payload cannot be made or sent (no memory, no
/// descriptor) fails at once.
bool Crew::send_to(CrewMember& member, std::unique_ptr<CrewTask>& task, Deliveries& out) {
  const bool was_idle = member.load() == 0;
  try {
    if (member.send(*task, TaskKind::run, functions_) == CrewMember::Sent::full) {
      stalled_ = stalled_ || was_idle;
      return false;
    }
  } catch (const Error&) {
    fail_rest(*task, std::current_exception(), out);
    task.reset();
    return true;
  }
  member.add(std::move(task));
  if (was_idle) {
    note_busy();
    note_heard(member);
    watch_from_now();
  }
  return true;
}

/// True: a worker has it, or it has failed.
bool Crew::give(std::unique_ptr<CrewTask>& task, Deliveries& out) {
  CrewMember* member = least_loaded();
  if (member == nullptr) return false;
  // Rather a new worker than a queue: Python's executor starts one where none is idle.
  if (member->load() != 0 && wanted() > 0) return false;
  if (!send_to(*member, task, out)) return false;
  return true;
}

void Crew::dispatch(Deliveries& out) {
  while (!queue_.empty()) {
    CrewMember* member = least_loaded();
    if (member == nullptr || !send_to(*member, queue_.front(), out)) return;
    queue_.pop_front();
  }
  balance(out);
}

/// A worker that has nothing takes half of what the most loaded one has not begun.
void Crew::balance(Deliveries& out) {
  for (const auto& idle : members_) {
    if (idle->load() != 0 || !idle->open()) continue;
    const auto most = std::max_element(members_.begin(), members_.end(),
                                       [](const auto& a, const auto& b) { return a->load() < b->load(); });
    const std::size_t half = (*most)->load() / 2;
    std::vector<std::unique_ptr<CrewTask>> taken;
    while (taken.size() < half) {
      auto task = (*most)->take_back_last();
      if (!task) break;
      taken.push_back(std::move(task));
    }
    if (taken.empty()) return;
    for (auto task = taken.rbegin(); task != taken.rend(); ++task) {
      if (!idle->open() || !send_to(*idle, *task, out)) queue_.push_back(std::move(*task));
    }
  }
}

void Crew::requeue_front(std::unique_ptr<CrewTask> task) { queue_.push_front(std::move(task)); }

/// Takes what is in the rings, at most limits::crew_deliveries_max. True: there was something.
bool Crew::collect(Deliveries& out) {
  bool any = false;
  for (const auto& member : members_) any = collect_from(*member, out) || any;
  if (any) {
    note_busy();
    dispatch(out);
  }
  return any;
}

bool Crew::collect_from(CrewMember& member, Deliveries& out) {
  bool any = false;
  try {
    while (out.size() < limits::crew_deliveries_max) {
      const auto block = member.results().peek();
      if (!block) break;
      take_record(member, *block, out);
      crash_point("pool.result.read");
      member.results().pop();
      crash_point("pool.result.popped");
      any = true;
    }
  } catch (const Error&) {
    // It breaks the protocol, so it is ended; its tasks are settled when its exit is confirmed.
    member.closing = true;
    member.child().kill_group();
  }
  if (any) note_heard(member);
  if (any && member.results().must_wake()) futex_wake(member.words().results.writer_waits, 1);
  return any;
}

void Crew::take_record(CrewMember& member, std::span<std::byte> block, Deliveries& out) {
  ResultHead head;
  const auto garbled = [](const char* what) { throw Error(ErrorCode::protocol, what); };
  if (block.size() < sizeof(head)) garbled("received a result without a head");
  std::memcpy(&head, block.data(), sizeof(head));
  const std::span<const std::byte> bytes = block.subspan(sizeof(head));
  if (head.payload_bytes > bytes.size()) garbled("received a result that is longer than its block");
  if (head.kind == ResultKind::ready) {
    member.ready = true;
    if (!options_.initializer) note_able(member);
    if (member.words().wants_to_retire.load(std::memory_order_relaxed) != 0) {
      member.closing = true;
      member.retiring = true;
    }
    return;
  }
  if (head.kind == ResultKind::initialiser_threw) {
    member.closing = true;
    const std::exception_ptr cause = decode_exception(bytes.first(head.payload_bytes));
    try {
      std::rethrow_exception(cause);
    } catch (const std::exception& error) {
      break_with(std::make_exception_ptr(BrokenProcessPool(
                     std::string("a worker's initializer threw, so the pool cannot work: ") + error.what())),
                 out);
    }
    return;
  }
  if (head.serial == 0) {  // the initializer has returned
    note_able(member);
    return;
  }
  CrewTask* task = member.front();
  if (task == nullptr || task->serial != head.serial || head.item < task->next || head.item >= task->count) {
    garbled("received a result that nobody waits for");
  }
  returned_nothing(*task, head.item, out);
  if (head.kind == ResultKind::threw) {
    out.add_exception(task->sink, head.item, bytes.first(head.payload_bytes));
  } else if (head.on_channel != 0) {
    // No descriptor left here, say: that is this result's failure, not its worker's.
    try {
      out.add_result(task->sink, head.item, Payload::receive(member.child().channel(), head.serial));
    } catch (const Error&) {
      out.add_failure(task->sink, head.item, std::current_exception());
    }
  } else {
    out.add_result(task->sink, head.item, bytes.first(head.payload_bytes));
  }
  item_done(member, *task, head.item);
}

/// The items of `task` that are not done, up to `end`, have returned nothing.
void Crew::returned_nothing(CrewTask& task, std::uint32_t end, Deliveries& out) {
  if (end == task.next) return;
  out.add_nothing(task.sink, task.next, end - task.next);
  task.next = end;
  task.deaths = 0;
}

void Crew::note_able(CrewMember& member) noexcept {
  member.able = true;
  deaths_before_able_ = 0;
}

void Crew::item_done(CrewMember& member, CrewTask& task, std::uint32_t item) {
  task.next = item + 1;
  task.deaths = 0;
  if (task.next < task.count) return;
  tasks_.erase(task.serial);
  static_cast<void>(member.pop_front());
  member.since = Clock::now();
}

/// The items of `task` that are not done fail; the caller drops the task.
void Crew::fail_rest(CrewTask& task, const std::exception_ptr& error, Deliveries& out) {
  for (std::uint32_t item = task.next; item < task.count; ++item) out.add_failure(task.sink, item, error);
  tasks_.erase(task.serial);
}

}  // namespace forebay
