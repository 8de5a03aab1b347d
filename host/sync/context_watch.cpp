#include "host/sync/context_watch.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <shared_mutex>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/crash_point.h"
#include "host/process/process_info.h"
#include "host/process/process_registry.h"
#include "host/sync/recovery.h"

namespace forebay {
namespace {

struct LeaveAtExit {
  ~LeaveAtExit() {
    // As long as this process waits for its children it watches over them too.
    detail::ProcessRegistry::instance().finish();
    ContextWatch::instance().leave();
  }
};

/// A pidfd of the process in a place; nothing where it has ended, or its number is another process's by now.
UniqueFd pidfd_of(const Participant& place, std::uint64_t word) {
  const pid_t pid = Participant::pid_of(word);
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) {
    if (errno == ESRCH) return fd;
    throw os_error(errno, "cannot watch a process that shares memory with this one (pidfd_open)",
                   "raise the limit on open files (ulimit -n)");
  }
  // One that has ended and that its parent has not waited for can be opened still.
  pollfd entry{fd.get(), POLLIN, 0};
  if (::poll(&entry, 1, 0) == 1) {
    fd.reset();
    return fd;
  }
  const std::uint64_t started = place.start_time.load(std::memory_order_acquire);
  if (started != 0 && start_time_of(pid) != started) fd.reset();
  return fd;
}

}  // namespace

ContextWatch::ContextWatch() : home_(::getpid()), alarm_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!alarm_.valid())
    throw os_error(errno, "cannot create an event", "raise the limit on open files (ulimit -n)");
  poller_.add(alarm_.get(), tag(Event::alarm, 0, 0));
}

ContextWatch& ContextWatch::instance() {
  // Never destroyed: handles may be let go of by late static destructors. One a process: a forked copy makes
  // its own.
  static std::atomic<ContextWatch*> current{nullptr};
  static std::mutex making;
  ContextWatch* watch = current.load(std::memory_order_acquire);
  if (watch != nullptr && watch->home_ == ::getpid()) return *watch;
  const std::scoped_lock lock(making);
  watch = current.load(std::memory_order_acquire);
  if (watch == nullptr || watch->home_ != ::getpid()) {
    watch = std::make_unique<ContextWatch>().release();
    current.store(watch, std::memory_order_release);
    static const LeaveAtExit at_exit;
  }
  return *watch;
}

std::uint64_t ContextWatch::tag(Event event, std::uint32_t number, std::uint32_t place) noexcept {
  return (std::uint64_t{static_cast<std::uint32_t>(event)} << 48U) | (std::uint64_t{number} << 16U) | place;
}

std::shared_ptr<SharedContext> ContextWatch::default_context(const Make& make) {
  const std::scoped_lock making(making_);
  {
    const std::scoped_lock lock(mutex_);
    if (default_) return default_;
  }
  auto context = make();
  const std::scoped_lock lock(mutex_);
  default_ = context;
  return context;
}

std::shared_ptr<SharedContext> ContextWatch::known_context(std::uint64_t id, const Make& make) {
  const std::scoped_lock making(making_);
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = by_id_.find(id); found != by_id_.end()) return found->second;
  }
  auto context = make();
  add(context);
  return context;
}

std::vector<std::shared_ptr<SharedContext>> ContextWatch::large_contexts() {
  const std::scoped_lock lock(mutex_);
  return large_;
}

void ContextWatch::add_large(const std::shared_ptr<SharedContext>& context) {
  const std::scoped_lock lock(mutex_);
  large_.push_back(context);
}

void ContextWatch::add(const std::shared_ptr<SharedContext>& context) {
  const std::scoped_lock lock(mutex_);
  start_thread();
  const std::uint32_t number = ++last_number_;
  by_id_.emplace(context->id(), context);
  Watched& watched = watched_[number];
  watched.context = context;
  watched.supervises = OwnerToken::of(context->header().supervisor.load()) == context->self();
  if (watched.supervises) {
    poller_.add(context->doorbell(), tag(Event::doorbell, number, 0));
    look_at_table(number, watched);
  } else {
    look_at_supervisor(number, watched);
  }
}

void ContextWatch::start_thread() {
  if (thread_.joinable() || stopping_) return;
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // the application's handlers never run on it
  own_.emplace();
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_setname_np(thread_.native_handle(), "forebay-watch");
}

void ContextWatch::leave() noexcept {
  if (home_ != ::getpid()) return;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    for (auto& [number, watched] : watched_) {
      auto& word = watched.context->header().participants[watched.context->self().index()].word;
      const std::uint64_t mine = word.load();
      word.store(Participant::pack(Participant::State::left, Participant::generation_of(mine),
                                   Participant::pid_of(mine)));
    }
  }
  const std::uint64_t one = 1;
  static_cast<void>(::write(alarm_.get(), &one, sizeof(one)));
  if (!thread_.joinable()) return;
  thread_.join();
  own_.reset();
}

void ContextWatch::run() noexcept {
  while (true) {
    const auto events = poller_.wait(limits::idle_poll);
    const std::shared_lock working(detail::fork_gate());
    for (const Poller::Event& event : events) {
      const std::scoped_lock lock(mutex_);
      if (stopping_) return;
      handle(event.tag);
    }
  }
}

void ContextWatch::handle(std::uint64_t event_tag) {
  const auto event = static_cast<Event>(event_tag >> 48U);
  const auto number = static_cast<std::uint32_t>(event_tag >> 16U);
  const auto place = static_cast<std::uint32_t>(event_tag & 0xFFFFU);
  std::uint64_t rung = 0;
  const auto found = watched_.find(number);
  if (event == Event::alarm) {
    static_cast<void>(::read(alarm_.get(), &rung, sizeof(rung)));
  } else if (found == watched_.end()) {
    return;
  } else if (event == Event::doorbell) {
    static_cast<void>(::read(found->second.context->doorbell(), &rung, sizeof(rung)));
    look_at_table(number, found->second);
  } else if (const auto ended = found->second.pidfds.find(place); ended != found->second.pidfds.end()) {
    poller_.remove(ended->second.get());
    found->second.pidfds.erase(ended);
    if (found->second.supervises) {
      bury(found->second, place);
    } else {
      look_at_supervisor(number, found->second);
    }
  }
}

/// False: the process in that place has ended.
bool ContextWatch::watch_place(std::uint32_t number, Watched& watched, std::uint32_t place) {
  const Participant& participant = watched.context->header().participants[place];
  UniqueFd pidfd = pidfd_of(participant, participant.word.load(std::memory_order_acquire));
  if (!pidfd.valid()) return false;
  poller_.add(pidfd.get(), tag(Event::end, number, place));
  watched.pidfds.insert_or_assign(place, std::move(pidfd));
  return true;
}

/// Watches those that have joined; buries those that ended before they could be watched.
void ContextWatch::look_at_table(std::uint32_t number, Watched& watched) {
  for (std::uint32_t place = 0; place < limits::participants_max; ++place) {
    const std::uint64_t word =
        watched.context->header().participants[place].word.load(std::memory_order_acquire);
    const bool there = Participant::state_of(word) != Participant::State::free;
    if (!there || place == watched.context->self().index() || watched.pidfds.contains(place)) continue;
    if (!watch_place(number, watched, place)) bury(watched, place);
  }
}

/// Watches the supervisor, or takes its place where it has ended.
void ContextWatch::look_at_supervisor(std::uint32_t number, Watched& watched) {
  auto& supervisor = watched.context->header().supervisor;
  while (true) {
    std::uint32_t current = supervisor.load(std::memory_order_acquire);
    const OwnerToken token = OwnerToken::of(current);
    if (watched.context->knows(token) && watch_place(number, watched, token.index())) return;
    if (!supervisor.compare_exchange_strong(current, watched.context->self().value(),
                                            std::memory_order_acq_rel)) {
      continue;
    }
    crash_point("context.took_over");
    watched.supervises = true;
    poller_.add(watched.context->doorbell(), tag(Event::doorbell, number, 0));
    look_at_table(number, watched);  // buries the one before too
    return;
  }
}

/// Everything that the process owned is given back, everybody who waits looks again, its place is free.
void ContextWatch::bury(Watched& watched, std::uint32_t place) {
  auto& word = watched.context->header().participants[place].word;
  const std::uint64_t last = word.load(std::memory_order_acquire);
  const std::uint32_t generation = Participant::generation_of(last);
  if (Participant::state_of(last) == Participant::State::free) return;
  const bool in_order = Participant::state_of(last) == Participant::State::left;
  recover(*watched.context, OwnerToken(place, generation), in_order);
  crash_point("context.recovered");
  word.store(Participant::pack(Participant::State::free, generation, 0), std::memory_order_release);
}

}  // namespace forebay
