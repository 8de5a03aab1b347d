#include "host/pool/crew_member.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "host/error.h"
#include "host/process/crash_point.h"
#include "host/sync/futex.h"

namespace forebay {

CrewMember::CrewMember(std::uint64_t id, Child child, SealedMemory memory)
    : id_(id),
      child_(std::move(child)),
      memory_(std::move(memory)),
      link_(memory_.bytes()),
      tasks_(link_.words.tasks, link_.tasks),
      results_(link_.words.results, link_.results) {}

void CrewMember::wake() {
  if (!tasks_.must_wake()) return;
  crash_point("pool.worker.wake.due");
  futex_wake(link_.words.tasks.reader_waits, 1);
}

bool CrewMember::define(std::span<const FunctionNote> functions) {
  for (; defined_ < functions.size(); ++defined_) {
    const auto room = tasks_.reserve(sizeof(TaskHead) + sizeof(FunctionNote));
    if (!room) return false;
    auto* head = ::new (room->data()) TaskHead;
    head->kind = TaskKind::define;
    head->payload_bytes = sizeof(FunctionNote);
    std::memcpy(room->data() + sizeof(TaskHead), &functions[defined_], sizeof(FunctionNote));
    tasks_.commit();
    crash_point("pool.function.defined");
  }
  return true;
}

CrewMember::Sent CrewMember::send(CrewTask& task, TaskKind kind, std::span<const FunctionNote> functions) {
  if (task.function >= defined_ && !define(functions)) return Sent::full;
  const bool on_channel = task.arguments.bytes.size() > crew_inline_bytes_max || !task.arguments.fds.empty();
  const std::size_t inline_bytes = on_channel ? 0 : task.arguments.bytes.size();
  const auto room = tasks_.reserve(sizeof(TaskHead) + inline_bytes);
  if (!room) return Sent::full;
  crash_point("pool.task.reserved");
  if (on_channel) {
    if (!task.payload) task.payload = Payload::make(task.arguments);
    // Closed: it has died, which its pidfd tells; what it was sent is taken back then.
    if (task.payload->try_send(child_.channel(), task.serial, task.arguments) == SendResult::would_block) {
      return Sent::full;
    }
    crash_point("pool.payload.sent");
  }
  auto* head = ::new (room->data()) TaskHead;
  head->kind = kind;
  head->serial = task.serial;
  head->function = task.function;
  head->first = task.next;
  head->count = task.count;
  head->payload_bytes = static_cast<std::uint32_t>(inline_bytes);
  head->on_channel = on_channel ? 1 : 0;
  if (inline_bytes != 0)
    std::memcpy(room->data() + sizeof(TaskHead), task.arguments.bytes.data(), inline_bytes);
  tasks_.commit();
  crash_point("pool.task.committed");
  task.head = head;
  task.block = tasks_.last_block();
  task.member = this;
  ++tasks_sent;
  wake();
  return Sent::sent;
}

bool CrewMember::send_stop() {
  const auto room = tasks_.reserve(sizeof(TaskHead));
  if (!room) return false;
  auto* head = ::new (room->data()) TaskHead;
  head->kind = TaskKind::stop;
  tasks_.commit();
  crash_point("pool.stop.sent");
  wake();
  stopping = true;
  since = Clock::now();
  return true;
}

bool CrewMember::begun(const CrewTask& task) const noexcept {
  // What the worker has popped it has begun; its head may be gone.
  return tasks_.reclaimed(task.block) ||
         task.head->state.load(std::memory_order_acquire) == static_cast<std::uint32_t>(TaskState::running);
}

std::unique_ptr<CrewTask> CrewMember::take_back_last() {
  if (in_flight_.empty()) return nullptr;
  return take_back(*in_flight_.back());
}

std::unique_ptr<CrewTask> CrewMember::take_back(CrewTask& task) {
  if (tasks_.reclaimed(task.block)) return nullptr;
  auto expected = static_cast<std::uint32_t>(TaskState::pending);
  if (!task.head->state.compare_exchange_strong(expected, static_cast<std::uint32_t>(TaskState::revoked),
                                                std::memory_order_acq_rel)) {
    return nullptr;
  }
  crash_point("pool.task.revoked");
  const auto found = std::find_if(in_flight_.rbegin(), in_flight_.rend(),
                                  [&task](const auto& entry) { return entry.get() == &task; });
  std::unique_ptr<CrewTask> taken = std::move(*found);
  in_flight_.erase(std::next(found).base());
  taken->member = nullptr;
  taken->head = nullptr;
  --tasks_sent;
  return taken;
}

std::unique_ptr<CrewTask> CrewMember::pop_front() {
  std::unique_ptr<CrewTask> task = std::move(in_flight_.front());
  in_flight_.pop_front();
  task->member = nullptr;
  task->head = nullptr;
  return task;
}

std::optional<std::uint32_t> CrewMember::item_at_death(const CrewTask& task) const noexcept {
  if (condemned_) {
    // It has begun nothing behind that item; where that is done, or none ran, nothing is to be charged.
    const bool that = condemned_->serial == task.serial && condemned_->item.value_or(0) >= task.next;
    return that ? condemned_->item : std::nullopt;
  }
  if (!begun(task)) return std::nullopt;
  const std::uint64_t progress = link_.words.progress.load(std::memory_order_acquire);
  // Begun, but no item of it yet: it died on the task's way to its first item.
  if (progress >> 32U != (task.serial & 0xFFFF'FFFFU)) return task.next;
  const auto item = static_cast<std::uint32_t>(progress);
  if (item < task.next) return std::nullopt;  // its result is there: it died between two items
  return item < task.count ? item : task.next;
}

std::optional<CrewMember::Work> CrewMember::work() const noexcept {
  if (in_flight_.empty()) return std::nullopt;
  const CrewTask& task = *in_flight_.front();
  // Pairs with the worker's exchange: the time is that of this item, or of a later one.
  const std::uint64_t progress = link_.words.progress.load(std::memory_order_acquire);
  const std::chrono::nanoseconds began(link_.words.began_ns.load(std::memory_order_relaxed));
  const auto item = static_cast<std::uint32_t>(progress);
  const bool runs = progress >> 32U == (task.serial & 0xFFFF'FFFFU) && item >= task.next && item < task.count;
  // Untrusted: a time that has not come yet would never be over.
  const Clock::time_point began_at{std::chrono::duration_cast<Clock::duration>(began)};
  if (!runs || began.count() < 0 || began_at > Clock::now()) return Work{heard, std::nullopt, progress};
  return Work{began_at, item, progress};
}

bool CrewMember::condemn(const Work& work) noexcept {
  std::uint64_t expected = work.progress;
  if (!link_.words.progress.compare_exchange_strong(expected, progress_condemned,
                                                    std::memory_order_acq_rel)) {
    return false;
  }
  condemned_ = {in_flight_.front()->serial, work.item};
  crash_point("pool.worker.condemned");
  return true;
}

}  // namespace forebay
