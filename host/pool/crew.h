#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "host/channel/poller.h"
#include "host/memory/unique_fd.h"
#include "host/pool/crew_link.h"
#include "host/pool/crew_member.h"
#include "host/pool/crew_options.h"
#include "host/pool/crew_task.h"
#include "host/pool/deliveries.h"
#include "host/pool/future_host.h"
#include "host/process/call.h"
#include "host/process/own_threads.h"

namespace forebay {

/// The engine of pools and executors: worker processes, the tasks that they have and that wait for them, and
/// a thread that watches over both. Thread-safe.
///
/// Invariants:
///  1. `mutex_` guards all state below it, and the pool's ends of the rings with it: so each ring has one
///     writer and one reader. No code of the application runs under it, no process is started under it, and
///     nothing blocks under it.
///  2. Every submitted task is in exactly one place: the queue, one member, or done. Each of its items is
///     delivered exactly once: by the record in the ring, by the death of its worker, or by the crew's end.
///  3. Whoever holds `mutex_` may take outcomes from the rings (the crew's thread, and a waiter in help());
///     they are handed out after it was let go of.
///  4. The crew's thread sleeps only after it has announced that to every ring and found it empty (or while a
///     waiter spins, who does the same at its end): so a worker that has a result either sees the
///     announcement and rings the doorbell, or the thread sees the result.
///  5. A member's tasks are given to others only after its exit is confirmed and its ring has been read for
///     the last time.
///  6. Where items have a time limit, the thread looks at what runs at least every watch_step() while any
///     does, and who gives work to an idle member while it sleeps for longer wakes it.
///  7. The thread ends when the crew is closed and empty, or terminated; every end of it leaves no process,
///     and no task without an outcome.
class Crew final : public FutureHost, public std::enable_shared_from_this<Crew> {
 public:
  using Clock = std::chrono::steady_clock;

  /// Starts the crew's thread, and its workers where the options say so. Throws Error(spawn) where one cannot
  /// be started (those that were are ended), Error(usage) where the options make no sense.
  [[nodiscard]] static std::shared_ptr<Crew> start(CrewOptions options);
  explicit Crew(CrewOptions options);
  ~Crew() override;

  /// The number that the next submit will be given: to be stored in a future before the task can end.
  [[nodiscard]] std::uint64_t next_serial() noexcept { return ++last_serial_; }
  /// Gives the task to a worker, or queues it. Does not block, but for the lock. Throws Error(usage) where
  /// the crew is closed, and what broke it where it is broken; then the sink is not called.
  void submit(std::uint64_t serial, const TargetRef& function, Encoded arguments, std::uint32_t count,
              std::shared_ptr<TaskSink> sink);

  /// No more tasks; workers end when the last is done. Does not block.
  void close();
  /// Ends the workers: at once, or by SIGTERM, with some time until they are killed (limits::child_stop).
  /// What is not done fails with PoolTerminated. Does not block.
  void terminate(bool gently = false);
  /// Takes out the tasks that no worker has begun: their sinks are the caller's to tell.
  [[nodiscard]] std::vector<std::shared_ptr<TaskSink>> take_waiting();
  /// Waits for the end after close() or terminate(), and for all outcomes to be handed out. False: the
  /// deadline passed. Throws Interrupted.
  [[nodiscard]] bool join(Clock::time_point deadline);

  /// The same without limit, for destructors: Ctrl+C does not end the wait.
  void wait_for_end() noexcept;

  [[nodiscard]] bool closed() const;
  [[nodiscard]] std::exception_ptr broken() const;
  [[nodiscard]] std::vector<pid_t> worker_pids() const;
  [[nodiscard]] std::uint32_t size() const noexcept { return options_.workers; }

  // --- FutureHost ---
  bool try_cancel(std::uint64_t task) noexcept override;
  [[nodiscard]] bool is_running(std::uint64_t task) const noexcept override;
  void help(const std::atomic<bool>& done, TimePoint deadline) override;
  [[nodiscard]] bool must_drive() const noexcept override;
  void drive(TimePoint until) override;

 private:
  using Lock = std::unique_lock<std::mutex>;
  class JoiningCallback;

  // crew.cpp: what callers do
  std::uint32_t function_index(const TargetRef& function);
  void require_open() const;
  void wake_thread() noexcept;
  void handed_out() noexcept;
  void join_thread(Lock& lock) noexcept;
  [[nodiscard]] bool is_copy() const noexcept;

  // crew_dispatch.cpp: under the lock
  void dispatch(Deliveries& out);
  bool give(std::unique_ptr<CrewTask>& task, Deliveries& out);
  bool send_to(CrewMember& member, std::unique_ptr<CrewTask>& task, Deliveries& out);
  [[nodiscard]] CrewMember* least_loaded() noexcept;
  void balance(Deliveries& out);
  void requeue_front(std::unique_ptr<CrewTask> task);
  bool collect(Deliveries& out);
  bool collect_from(CrewMember& member, Deliveries& out);
  void take_record(CrewMember& member, std::span<std::byte> block, Deliveries& out);
  static void returned_nothing(CrewTask& task, std::uint32_t end, Deliveries& out);
  void note_able(CrewMember& member) noexcept;
  void item_done(CrewMember& member, CrewTask& task, std::uint32_t item);
  void fail_rest(CrewTask& task, const std::exception_ptr& error, Deliveries& out);
  void note_busy() noexcept;
  [[nodiscard]] std::uint32_t busy() const noexcept;

  // crew_watch.cpp: the crew's thread; start_one() in a thread of its own
  void run() noexcept;
  bool step(TimePoint until);
  void start_wanted();
  void start_one() noexcept;
  void take_started(Deliveries& out);
  std::unique_ptr<CrewMember> start_member(StartMethod method);
  void admit(std::unique_ptr<CrewMember> member, Deliveries& out);
  [[nodiscard]] std::uint32_t wanted() const noexcept;

  // crew_time.cpp: under the lock
  void end_the_late();
  [[nodiscard]] bool is_late(CrewMember& member, const CrewMember::Work& work, Clock::time_point now,
                             Clock::duration unwatched) const;
  void note_heard(CrewMember& member) const noexcept;
  void watch_from_now() noexcept;
  [[nodiscard]] Clock::duration watch_step() const noexcept;
  [[nodiscard]] Clock::time_point next_look() const noexcept;

  // crew_deaths.cpp: under the lock
  void bury_the_dead(Deliveries& out);
  void settle(CrewMember& member, const ExitStatus& status, Deliveries& out);
  void charge(CrewMember& member, std::unique_ptr<CrewTask> task, std::uint32_t item,
              const ExitStatus& status, Deliveries& out);
  void break_with(std::exception_ptr error, Deliveries& out);
  void end_members(Deliveries& out);
  void retire_and_stop();
  [[nodiscard]] bool thread_is_due() const noexcept;
  [[nodiscard]] Clock::time_point next_due() const noexcept;
  [[nodiscard]] bool announce_sleep() noexcept;
  void withdraw_sleep() noexcept;
  void wait_for_events(TimePoint until);
  [[nodiscard]] bool finished() const noexcept;

  const CrewOptions options_;
  const std::uint32_t cores_;
  const pid_t home_;  // the process whose thread and children these are: a forked copy leaves them alone
  Poller poller_;
  UniqueFd doorbell_;  // rung by workers
  UniqueFd alarm_;     // rung by this process
  std::atomic<std::uint64_t> last_serial_{0};
  std::atomic<std::uint32_t> spin_us_;  // how long the next waiter spins: as long as it was worth it lately
  std::atomic<std::uint32_t> helps_{0};
  std::atomic<std::thread::id> thread_id_{};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<CrewTask>> queue_;
  std::vector<std::unique_ptr<CrewMember>> members_;
  std::unordered_map<std::uint64_t, CrewTask*> tasks_;  // all that are not done
  std::vector<FunctionNote> functions_;
  std::vector<TargetRef> function_refs_;
  std::uint64_t last_member_ = 0;
  std::uint32_t starting_ = 0;            // members that are being started, at most one
  std::unique_ptr<CrewMember> started_;   // one that was, until the thread takes it
  std::exception_ptr start_failure_;      // or why it could not be
  std::uint32_t spinners_ = 0;            // waiters that watch the rings
  std::uint32_t handing_out_ = 0;         // of other threads than the crew's, that hand outcomes out
  std::uint32_t deaths_before_able_ = 0;  // one after another
  Clock::time_point start_again_{};       // after a failed start
  bool stalled_ = false;  // a ring is full of tasks that were taken back: nothing tells of its room
  bool closed_ = false;
  bool terminated_ = false;
  bool ended_ = false;                       // the thread has done its last work
  bool watching_ = false;                    // it will look at what runs after no more than watch_step()
  Clock::time_point looked_ = Clock::now();  // at what runs
  std::exception_ptr broken_;
  Clock::time_point kill_at_{};  // after terminate()

  bool interrupted_ = false;                      // the thread's own: this process was stopped meanwhile
  std::optional<detail::OwnThread> starter_own_;  // for as long as starter_
  std::thread starter_;  // the thread's own: starts one member; joined by take_started()
  std::shared_lock<std::shared_timed_mutex> working_;  // the thread's hold of fork_gate(), but while it waits
  std::optional<detail::OwnThread> own_;               // for as long as thread_
  std::thread thread_;
};

}  // namespace forebay
