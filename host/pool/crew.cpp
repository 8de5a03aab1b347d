#include "host/pool/crew.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/pool/crew_error.h"
#include "host/pool/leftover_threads.h"
#include "host/process/cpu_count.h"
#include "host/process/function.h"
#include "host/sync/futex.h"
#include "host/sync/interrupt.h"

namespace forebay {
namespace {

UniqueFd event_fd() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.valid())
    throw os_error(errno, "cannot create an event", "raise the limit on open files (ulimit -n)");
  return fd;
}

FunctionNote note_for(const TargetRef& function) {
  FunctionNote note;
  note.entry = function_id_of(reinterpret_cast<const void*>(function.entry));
  if (function.target != nullptr) note.target = function_id_of(function.target);
  return note;
}

}  // namespace

Crew::Crew(CrewOptions options)
    : options_(std::move(options)),
      cores_(usable_cores()),
      home_(::getpid()),
      doorbell_(event_fd()),
      alarm_(event_fd()),
      spin_us_(static_cast<std::uint32_t>(limits::crew_spin.count())) {
  if (options_.workers < 1 || options_.workers > limits::workers_max) {
    throw Error(ErrorCode::usage, "a pool has 1 to " + std::to_string(limits::workers_max) +
                                      " workers, not " + std::to_string(options_.workers));
  }
  if (options_.task_timeout && options_.task_timeout->count() <= 0) {
    throw Error(ErrorCode::usage, "a pool's task_timeout is 1 ms or more, not " +
                                      std::to_string(options_.task_timeout->count()) +
                                      " ms; leave it empty for none");
  }
  poller_.add(doorbell_.get(), 0);
  poller_.add(alarm_.get(), 0);
}

std::shared_ptr<Crew> Crew::start(CrewOptions options) {
  auto crew = std::make_shared<Crew>(std::move(options));
  if (crew->options_.initializer) {
    const Lock lock(crew->mutex_);
    static_cast<void>(crew->function_index(crew->options_.initializer->function));
  }
  if (crew->options_.start_ahead) {
    // In the caller's thread, so that a machine that refuses is the caller's exception. On one, the members
    // that were started end with the crew.
    Deliveries none;  // nothing has been submitted
    for (std::uint32_t i = 0; i < crew->options_.workers; ++i)
      crew->admit(crew->start_member(crew->options_.method), none);
  }
  // The thread owns the crew too: the last other owner may be a callback that runs in it. It inherits a mask
  // that blocks all signals: the application's handlers never run on it.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    crew->own_.emplace();
    crew->thread_ = std::thread([crew] { crew->run(); });
  } catch (const std::system_error& error) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw Error(ErrorCode::spawn, std::string("cannot start a pool's thread: ") + error.what() +
                                      "; raise the limit on processes (ulimit -u)");
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return crew;
}

Crew::~Crew() {
  if (!thread_.joinable()) return;  // the start failed
  if (is_copy()) {
    // The threads are the original's: not to be joined here, and their objects must not be destroyed.
    static_cast<void>(std::make_unique<std::thread>(std::move(thread_)).release());
    static_cast<void>(std::make_unique<std::thread>(std::move(starter_)).release());
    return;
  }
  if (thread_id_.load() == std::this_thread::get_id()) {
    leave_to_exit(std::move(thread_));
  } else {
    thread_.join();  // it has ended: it owned the crew until then
  }
}

std::uint32_t Crew::function_index(const TargetRef& function) {
  const auto found = std::find(function_refs_.rbegin(), function_refs_.rend(), function);
  if (found != function_refs_.rend()) {
    return static_cast<std::uint32_t>(std::distance(found, function_refs_.rend()) - 1);
  }
  functions_.push_back(note_for(function));
  function_refs_.push_back(function);
  return static_cast<std::uint32_t>(function_refs_.size() - 1);
}

void Crew::require_open() const {
  if (broken_ && !terminated_) std::rethrow_exception(broken_);
  if (closed_) {
    throw Error(ErrorCode::usage, terminated_
                                      ? "the pool takes no more tasks: it has been terminated"
                                      : "the pool takes no more tasks: it has been closed or shut down");
  }
}

void Crew::submit(std::uint64_t serial, const TargetRef& function, Encoded arguments, std::uint32_t count,
                  std::shared_ptr<TaskSink> sink) {
  auto task = std::make_unique<CrewTask>();
  task->serial = serial;
  task->count = count;
  task->arguments = std::move(arguments);
  task->sink = std::move(sink);
  bool thread_is_needed = false;
  Deliveries out(this);
  bool failed = false;
  {
    const Lock lock(mutex_);
    require_open();
    task->function = function_index(function);
    tasks_.emplace(serial, task.get());
    if (!queue_.empty() || !give(task, out)) queue_.push_back(std::move(task));
    thread_is_needed = wanted() > 0 || stalled_;
    failed = !out.empty();
    if (failed) ++handing_out_;
  }
  if (thread_is_needed) wake_thread();
  if (failed) {
    out.hand_out();
    handed_out();
  }
}

void Crew::close() {
  {
    const Lock lock(mutex_);
    closed_ = true;
  }
  wake_thread();
}

void Crew::terminate(bool gently) {
  if (is_copy()) return;
  {
    const Lock lock(mutex_);
    if (!gently) {
      kill_at_ = Clock::time_point{};
    } else if (!terminated_) {
      kill_at_ = Clock::now() + limits::child_stop;
      for (const auto& member : members_) member->child().signal(SIGTERM);
    }
    terminated_ = true;
    closed_ = true;
  }
  wake_thread();
}

std::vector<std::shared_ptr<TaskSink>> Crew::take_waiting() {
  std::vector<std::shared_ptr<TaskSink>> sinks;
  {
    const Lock lock(mutex_);
    const auto drop = [&](const CrewTask& task) {
      tasks_.erase(task.serial);
      sinks.push_back(task.sink);
    };
    for (const auto& member : members_) {
      while (const auto task = member->take_back_last()) drop(*task);
    }
    // One that ran already, and waits to run again after its worker's death, has begun.
    const auto begun = [](const std::unique_ptr<CrewTask>& task) {
      return task->deaths != 0 || task->next != 0;
    };
    for (const auto& task : queue_) {
      if (!begun(task)) drop(*task);
    }
    std::erase_if(queue_, [&](const auto& task) { return !begun(task); });
    note_busy();
  }
  wake_thread();
  return sinks;
}

/// A callback that waits for the crew's end does not wait for itself, nor for another that does the same.
class Crew::JoiningCallback {
 public:
  JoiningCallback(Crew& crew, const Lock& /*held*/) noexcept
      : crew_(crew), own_(Deliveries::under_way_here(&crew)) {
    crew_.handing_out_ -= own_;
    if (own_ != 0) crew_.changed_.notify_all();
  }
  JoiningCallback(const JoiningCallback&) = delete;
  JoiningCallback& operator=(const JoiningCallback&) = delete;
  ~JoiningCallback() { crew_.handing_out_ += own_; }

 private:
  Crew& crew_;
  std::uint32_t own_;
};

bool Crew::join(Clock::time_point deadline) {
  if (must_drive()) throw Error(ErrorCode::usage, "a callback of a pool cannot wait for the pool's end");
  Deliveries::hand_out_rest();
  Lock lock(mutex_);
  const JoiningCallback callback(*this, lock);
  if (!detail::wait_interruptibly(lock, changed_, deadline, [this] { return ended_ && handing_out_ == 0; })) {
    return false;
  }
  join_thread(lock);
  return true;
}

/// After the end. Here, because a thread that owns the crew last could not be joined by it: its stack would
/// stay.
void Crew::join_thread(Lock& lock) noexcept {
  std::thread thread = std::move(thread_);
  lock.unlock();
  const bool joined = thread.joinable();
  if (joined) thread.join();
  lock.lock();
  if (joined) own_.reset();
}

bool Crew::is_copy() const noexcept { return home_ != ::getpid(); }

void Crew::wait_for_end() noexcept {
  if (is_copy()) return;
  Deliveries::hand_out_rest();
  Lock lock(mutex_);
  const JoiningCallback callback(*this, lock);
  changed_.wait(lock, [this] { return ended_ && handing_out_ == 0; });
  join_thread(lock);
}

void Crew::handed_out() noexcept {
  const Lock lock(mutex_);
  --handing_out_;
  if (ended_) changed_.notify_all();
}

bool Crew::closed() const {
  const Lock lock(mutex_);
  return closed_;
}

std::exception_ptr Crew::broken() const {
  const Lock lock(mutex_);
  return broken_;
}

std::vector<pid_t> Crew::worker_pids() const {
  const Lock lock(mutex_);
  std::vector<pid_t> pids;
  for (const auto& member : members_) pids.push_back(member->child().pid());
  return pids;
}

void Crew::wake_thread() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(::write(alarm_.get(), &one, sizeof(one)));  // a full counter (EAGAIN) wakes as well
}

bool Crew::try_cancel(std::uint64_t task) noexcept {
  const Lock lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return false;
  std::unique_ptr<CrewTask> taken;
  if (CrewMember* member = found->second->member; member != nullptr) {
    taken = member->take_back(*found->second);
  } else {
    const auto waiting = std::find_if(queue_.begin(), queue_.end(),
                                      [&](const auto& entry) { return entry.get() == found->second; });
    // One that ran already, and waits to run again after its worker's death, counts as begun.
    if (waiting == queue_.end() || (*waiting)->deaths != 0 || (*waiting)->next != 0) return false;
    taken = std::move(*waiting);
    queue_.erase(waiting);
  }
  if (!taken) return false;
  tasks_.erase(task);
  note_busy();
  if (thread_is_due()) wake_thread();
  return true;
}

bool Crew::is_running(std::uint64_t task) const noexcept {
  const Lock lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return false;
  return found->second->member != nullptr ? found->second->member->begun(*found->second)
                                          : found->second->deaths != 0;
}

void Crew::help(const std::atomic<bool>& done, TimePoint deadline) {
  // In a callback: the outcomes behind the one that called it may be what it waits for.
  Deliveries::hand_out_rest();
  if (done.load(std::memory_order_acquire)) return;
  // A spinning waiter takes a core from a worker where there are no more cores than workers at work.
  {
    const Lock lock(mutex_);
    if (busy() + 1 > cores_) return;
    if (spinners_++ == 0) withdraw_sleep();
  }
  // Every sixteenth try is a long one: what was not worth a spin before may be by now.
  const bool long_try = helps_.fetch_add(1, std::memory_order_relaxed) % 16 == 0;
  const auto budget =
      long_try ? limits::crew_spin : std::chrono::microseconds(spin_us_.load(std::memory_order_relaxed));
  const auto until = std::min(deadline, Clock::now() + budget);
  Deliveries out(this);
  bool any = false;
  while (!done.load(std::memory_order_acquire) && Clock::now() < until) {
    bool more = false;
    {
      const Lock lock(mutex_);
      more = collect(out);
      if (more) ++handing_out_;
    }
    if (more) {
      out.hand_out();
      handed_out();
      any = true;
    } else {
      spin_pause();
    }
  }
  const bool in_time = done.load(std::memory_order_acquire);
  const auto longest = static_cast<std::uint32_t>(limits::crew_spin.count());
  const auto shortest = static_cast<std::uint32_t>(limits::crew_spin_min.count());
  const auto now_us = static_cast<std::uint32_t>(budget.count());
  spin_us_.store(in_time ? std::min(longest, now_us * 4) : std::max(shortest, now_us / 2),
                 std::memory_order_relaxed);
  {
    const Lock lock(mutex_);
    // What came while nobody was announced to sleep is taken by the thread, which this wakes. Members that
    // have ended their last task here are its business too, and nothing else may ever wake it.
    const bool came = --spinners_ == 0 && !announce_sleep();
    if (came || (any && thread_is_due())) wake_thread();
  }
}

bool Crew::must_drive() const noexcept { return thread_id_.load() == std::this_thread::get_id(); }

void Crew::drive(TimePoint until) {
  if (!Deliveries::hand_out_rest()) static_cast<void>(step(until));
}

}  // namespace forebay
