#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "host/contract.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/pool/crew.h"
#include "host/pool/crew_error.h"
#include "host/pool/crew_worker.h"
#include "host/process/crash_point.h"
#include "host/process/start_child.h"

// The crew's own thread: starts workers, notices their deaths, ends them, and sleeps.

namespace forebay {
namespace {

Encoded copy_of(const Encoded& encoded) {
  Encoder copy;
  copy.write(encoded.bytes.data(), encoded.bytes.size());
  Encoded result = copy.take();
  for (const UniqueFd& fd : encoded.fds) {
    Encoder one;
    one.write_fd(fd.get());
    result.fds.push_back(std::move(one.take().fds.front()));
  }
  return result;
}

}  // namespace

void Crew::run() noexcept {
  ::pthread_setname_np(::pthread_self(), "forebay-pool");
  thread_id_ = std::this_thread::get_id();
  working_ = std::shared_lock(detail::fork_gate());
  while (step(Clock::now() + limits::crew_idle)) {
  }
  expect(!starter_.joinable(), "a pool's thread ends after the last start");
  working_.unlock();
  const Lock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

/// One round: handles what there is, or waits until something is there, at most until `until`. False: the
/// crew has ended.
bool Crew::step(TimePoint until) {
  Deliveries out;
  take_started(out);
  start_wanted();
  bool sleep = false;
  {
    const Lock lock(mutex_);
    watching_ = true;
    const bool any = collect(out);
    end_the_late();
    if (terminated_) end_members(out);  // before: a worker that this ends is no death of its task
    bury_the_dead(out);
    stalled_ = false;
    dispatch(out);
    retire_and_stop();
    if (out.empty() && finished()) return false;
    const bool may_start = wanted() != 0 && starting_ == 0;
    if (!any && out.empty() && !may_start && !started_ && !start_failure_)
      sleep = spinners_ != 0 || announce_sleep();
    until = sleep ? std::min(until, next_due()) : TimePoint{};
    watching_ = !sleep || busy() != 0;
  }
  out.hand_out();
  wait_for_events(until);
  if (sleep) {
    const Lock lock(mutex_);
    if (spinners_ == 0) withdraw_sleep();
  }
  return true;
}

/// Workers' ends and rings of the doorbell, at most until `until`; a time that has passed asks once.
void Crew::wait_for_events(TimePoint until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  working_.unlock();
  errno = 0;
  const auto events = poller_.wait(std::max(left, std::chrono::milliseconds(0)));
  // It takes an interruption for a time-out, but leaves its number. Nothing else than a stop of this process
  // interrupts a thread that blocks all signals.
  if (events.empty() && errno == EINTR) interrupted_ = true;
  working_.lock();
  for (const Poller::Event& event : events) {
    if (event.tag != 0) {
      const Lock lock(mutex_);
      const auto found = std::find_if(members_.begin(), members_.end(),
                                      [&event](const auto& member) { return member->id() == event.tag; });
      if (found != members_.end()) (*found)->ended = true;
      continue;
    }
    std::uint64_t rung = 0;
    static_cast<void>(::read(doorbell_.get(), &rung, sizeof(rung)));
    static_cast<void>(::read(alarm_.get(), &rung, sizeof(rung)));
  }
}

bool Crew::announce_sleep() noexcept {
  bool nothing = true;
  for (const auto& member : members_) nothing = member->results().announce() && nothing;
  return nothing;
}

void Crew::withdraw_sleep() noexcept {
  for (const auto& member : members_) member->results().withdraw();
}

/// How many workers are missing.
std::uint32_t Crew::wanted() const noexcept {
  if (terminated_ || broken_ || Clock::now() < start_again_) return 0;
  std::uint32_t alive = starting_;
  for (const auto& member : members_) {
    // One that gets no more tasks keeps its place until it has done those that it has: there are never more
    // at work than were asked for.
    if (member->open() || (!member->stopping && member->load() != 0)) ++alive;
  }
  if (alive >= options_.workers) return 0;
  const std::uint32_t missing = options_.workers - alive;
  if (options_.start_ahead && !closed_) return missing;
  // Each runs one task at a time; those that are done are not in tasks_ any more.
  const std::size_t needed = tasks_.size() > alive ? tasks_.size() - alive : 0;
  return static_cast<std::uint32_t>(std::min<std::size_t>(missing, needed));
}

/// Begins to start one that is missing, in a thread of its own: a start takes milliseconds, many on a busy
/// machine, and meanwhile this thread takes results and notices deaths. One at a time: the kernel's work is
/// done one after another anyway.
void Crew::start_wanted() {
  {
    const Lock lock(mutex_);
    if (starting_ != 0 || wanted() == 0) return;
    ++starting_;
  }
  try {
    starter_own_.emplace();
    starter_ = std::thread([this] { start_one(); });
  } catch (const std::system_error&) {
    start_one();  // no thread left: then here
  }
}

void Crew::start_one() noexcept {
  std::unique_ptr<CrewMember> member;
  std::exception_ptr failure;
  try {
    // A fork copies the thread that asks for it, and the application's threads are anywhere meanwhile: so
    // what replaces a forked worker is spawned.
    member = start_member(options_.method == StartMethod::fork ? StartMethod::spawn : options_.method);
  } catch (...) {
    failure = std::current_exception();
  }
  {
    const Lock lock(mutex_);
    started_ = std::move(member);
    start_failure_ = failure;
  }
  wake_thread();
}

/// Takes over what start_one() has done.
void Crew::take_started(Deliveries& out) {
  std::unique_ptr<CrewMember> member;
  std::exception_ptr failure;
  {
    const Lock lock(mutex_);
    member = std::move(started_);
    failure = std::exchange(start_failure_, nullptr);
  }
  if (!member && !failure) return;
  if (starter_.joinable()) starter_.join();  // it has nothing left to do
  starter_own_.reset();
  try {
    if (failure) std::rethrow_exception(failure);
    admit(std::move(member), out);
  } catch (const std::exception&) {
    // Others go on and this is tried again; without any the tasks would wait for ever.
    const Lock lock(mutex_);
    start_again_ = Clock::now() + limits::crew_respawn;
    if (members_.empty()) break_with(std::current_exception(), out);
  }
  const Lock lock(mutex_);
  --starting_;
}

std::unique_ptr<CrewMember> Crew::start_member(StartMethod method) {
  SealedMemory memory = SealedMemory::create("forebay-pool-link", CrewLink::bytes);
  CrewLink::create(memory.bytes());
  std::uint64_t id = 0;
  {
    const Lock lock(mutex_);
    id = ++last_member_;
  }
  CrewSetup setup;
  setup.link_bytes = memory.bytes().size();
  setup.memory_growth_bytes = options_.memory_growth_bytes_max;
  setup.cores = cores_;
  setup.timed = options_.task_timeout ? 1 : 0;
  const std::array<int, 2> fds{memory.fd(), doorbell_.get()};
  const Parcel parcel{std::as_bytes(std::span(&setup, 1)), fds};
  SpawnOptions child_options = options_.child;
  child_options.title = "forebay: " + options_.name + " worker " + std::to_string(id);
  child_options.name = "forebay-worker";
  Child child = start_child(&crew_worker_main, child_options, method, {&parcel, 1});
  crash_point("pool.member.started");
  return std::make_unique<CrewMember>(id, std::move(child), std::move(memory));
}

void Crew::admit(std::unique_ptr<CrewMember> member, Deliveries& out) {
  const Lock lock(mutex_);
  if (options_.initializer) {
    CrewTask task;
    task.function = function_index(options_.initializer->function);
    task.arguments = copy_of(options_.initializer->arguments);
    const auto sent = member->send(task, TaskKind::initialise, functions_);
    expect(sent == CrewMember::Sent::sent, "a new ring has room for the initializer");
    member->tasks_sent = 0;
  }
  member->tasks_max = options_.tasks_per_worker_max;
  poller_.add(member->child().pidfd(), member->id());
  members_.push_back(std::move(member));
  crash_point("pool.member.admitted");
  note_busy();
  dispatch(out);
}

Crew::Clock::time_point Crew::next_due() const noexcept {
  auto due = Clock::time_point::max();
  if (start_again_ > Clock::now()) due = start_again_;
  if (terminated_ && kill_at_ > Clock::now()) due = std::min(due, kill_at_);
  if (stalled_) due = std::min(due, Clock::now() + limits::crew_stall);
  for (const auto& member : members_) {
    if (member->stopping) due = std::min(due, member->since + limits::crew_exit);
    if (!member->ready) due = std::min(due, member->since + limits::child_start);
    if (options_.idle_timeout.count() > 0 && member->load() == 0 && !member->stopping) {
      due = std::min(due, member->since + options_.idle_timeout);
    }
  }
  return std::min(due, next_look());
}

bool Crew::finished() const noexcept {
  return closed_ && members_.empty() && starting_ == 0 && (queue_.empty() || broken_ != nullptr);
}

}  // namespace forebay
