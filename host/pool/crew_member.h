#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "host/channel/ring.h"
#include "host/memory/sealed_memory.h"
#include "host/pool/crew_link.h"
#include "host/pool/crew_task.h"
#include "host/process/child.h"

namespace forebay {

/// One worker as the crew sees it: its process, the crew's end of their link, and the tasks that it has, in
/// the order in which it runs them. Under the crew's lock.
class CrewMember {
 public:
  using Clock = std::chrono::steady_clock;

  /// `child` runs crew_worker_main and has been sent its set-up with `memory`, in which the link lies
  /// already.
  CrewMember(std::uint64_t id, Child child, SealedMemory memory);

  enum class Sent { sent, full };
  /// Gives the worker a task to run after those that it has. `full`: no room now, nothing has changed. Throws
  /// Error where the task's payload cannot be made or sent.
  [[nodiscard]] Sent send(CrewTask& task, TaskKind kind, std::span<const FunctionNote> functions);
  void add(std::unique_ptr<CrewTask> task) { in_flight_.push_back(std::move(task)); }
  /// Tells the worker to end after what it has. False: no room now.
  [[nodiscard]] bool send_stop();

  /// Takes the last task back that the worker has not begun; nothing where it has begun all.
  [[nodiscard]] std::unique_ptr<CrewTask> take_back_last();
  /// The same with a certain one.
  [[nodiscard]] std::unique_ptr<CrewTask> take_back(CrewTask& task);
  /// The task that the worker is at, or will be at next.
  [[nodiscard]] CrewTask* front() noexcept { return in_flight_.empty() ? nullptr : in_flight_.front().get(); }
  [[nodiscard]] std::unique_ptr<CrewTask> pop_front();
  [[nodiscard]] std::size_t load() const noexcept { return in_flight_.size(); }

  /// Whether the worker has begun `task`, which it has.
  [[nodiscard]] bool begun(const CrewTask& task) const noexcept;
  /// The item of `task` that the worker was at when it died; nothing where it was between two, or had not
  /// begun.
  [[nodiscard]] std::optional<std::uint32_t> item_at_death(const CrewTask& task) const noexcept;

  /// What the worker is at, for its time limit.
  struct Work {
    Clock::time_point since;            ///< the item's begin; without one when the worker was last heard of
    std::optional<std::uint32_t> item;  ///< of front(); nothing: none runs that is not done
    std::uint64_t progress = 0;
  };
  /// Nothing where it has no task.
  [[nodiscard]] std::optional<Work> work() const noexcept;
  /// The worker begins no item any more, so that it can be killed without a doubt about which one it was at.
  /// False: it has begun another item meanwhile.
  [[nodiscard]] bool condemn(const Work& work) noexcept;
  [[nodiscard]] bool condemned() const noexcept { return condemned_.has_value(); }

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] Child& child() noexcept { return child_; }
  [[nodiscard]] RingReader& results() noexcept { return results_; }
  [[nodiscard]] CrewWords& words() noexcept { return link_.words; }

  /// Whether it may be given another task.
  [[nodiscard]] bool open() const noexcept {
    return !closing && !stopping && (tasks_max == 0 || tasks_sent < tasks_max);
  }

  bool ready = false;     ///< it has said so
  bool able = false;      ///< and its initializer, if there is one, has returned
  bool closing = false;   ///< gets no more tasks
  bool retiring = false;  ///< also gives back those that it has not begun
  bool ended = false;     ///< its pidfd says so
  bool stopping = false;  ///< has been told to end
  std::uint64_t tasks_sent = 0;
  std::uint64_t tasks_max = 0;             ///< 0: no limit
  Clock::time_point since = Clock::now();  ///< of its start, of its last task's end, or of the stop
  Clock::time_point heard = since;         ///< of its last record, or of a task that it got when it had none

  /// How long the item that began at `begin` ran while the crew's thread did not look; see crew_time.cpp.
  struct Watch {
    Clock::time_point begin{};
    Clock::duration unwatched{0};
    Clock::time_point due{};
  };
  Watch watch;

 private:
  void wake();
  [[nodiscard]] bool define(std::span<const FunctionNote> functions);

  std::uint64_t id_;
  Child child_;
  SealedMemory memory_;
  CrewLink link_;
  RingWriter tasks_;
  RingReader results_;
  std::deque<std::unique_ptr<CrewTask>> in_flight_;
  std::uint32_t defined_ = 0;  // functions that the worker knows

  struct Condemned {
    std::uint64_t serial = 0;
    std::optional<std::uint32_t> item;
  };
  std::optional<Condemned> condemned_;
};

}  // namespace forebay
