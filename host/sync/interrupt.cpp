#include "host/sync/interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

#include "host/contract.h"

namespace forebay {
namespace {

/// What the handler, the scope's thread and the helper share. Static, because a handler may still run on some
/// thread while the scope ends. Every atomic is sequentially consistent: the pairs below are store-then-load
/// on both sides.
///
/// Invariants:
///  1. `home` is the process with the living scope, or 0; `thread` and `previous` belong to it and are
///     written before the handler is installed.
///  2. `pending` is true from the first SIGINT until the scope's thread takes it; then it reads the eventfd,
///     which the handler writes once, after setting `pending`. So the eventfd is readable, or about to be,
///     exactly while `pending`.
///  3. No lost wake-up. The waiter stores `waiter`, then loads `pending`; the handler stores `pending`, then
///     wakes the helper, which loads `waiter`. So the waiter sees the signal or the helper sees the waiter,
///     and the helper notifies under the waiter's mutex, thus not between its check and its sleep.
///  4. The helper takes at most one waiter in its life, by exchange; the waiter withdraws by exchange too. A
///     waiter that was taken lets go of its mutex and waits for `notified`: so its mutex and condition
///     outlive the helper's use, and the helper, which needs the mutex, never blocks for long.
///  5. A handler counts itself in `handlers`, then loads `signal_fd`; the destructor stores -1 there, then
///     waits for the count to be 0: so the handler never writes to a closed descriptor.
struct Shared {
  std::atomic<pid_t> home{0};
  std::atomic<pthread_t> thread{};
  std::atomic<bool> pending{false};
  std::atomic<unsigned> signals{0};
  std::atomic<int> signal_fd{-1};
  std::atomic<unsigned> handlers{0};
  std::atomic<detail::InterruptibleWait*> waiter{nullptr};
  std::atomic<bool> notified{false};
  struct sigaction previous {};
};
static_assert(std::atomic<pthread_t>::is_always_lock_free && std::atomic<pid_t>::is_always_lock_free);
constinit Shared shared;

/// Default action, now, although the handler has SIGINT blocked.
void end_process() noexcept {
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  ::sigaction(SIGINT, &by_default, nullptr);
  sigset_t interrupt;
  ::sigemptyset(&interrupt);
  ::sigaddset(&interrupt, SIGINT);
  ::raise(SIGINT);
  ::pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
}

/// Async-signal-safe: atomics and system calls only.
void on_interrupt(int /*number*/) {
  const int saved = errno;
  ++shared.handlers;
  const int fd = shared.signal_fd;
  if (fd < 0 || shared.home != ::getpid()) {
    // A forked copy, or the scope ended between the kernel's choice of this handler and its first step.
    ::sigaction(SIGINT, &shared.previous, nullptr);
    ::raise(SIGINT);  // delivered when this handler returns
  } else if (shared.signals++ == 0) {
    shared.pending = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(fd, &one, sizeof(one));
  } else {
    end_process();
  }
  --shared.handlers;
  errno = saved;
}

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == &on_interrupt;
}

void install_handler() {
  struct sigaction action {};
  action.sa_handler = &on_interrupt;
  action.sa_flags = SA_RESTART;  // the application's own calls need not know
  ::sigemptyset(&action.sa_mask);
  struct sigaction before {};
  ::sigaction(SIGINT, nullptr, &before);
  if (!is_ours(before)) shared.previous = before;  // in a forked copy it may be ours already
  ::sigaction(SIGINT, &action, nullptr);
}

/// The helper's life: one SIGINT, or the stop.
void serve(int signal_fd, int stop_fd) noexcept {
  std::array<pollfd, 2> entries{pollfd{signal_fd, POLLIN, 0}, pollfd{stop_fd, POLLIN, 0}};
  while (::poll(entries.data(), entries.size(), -1) < 0) {
    expect(errno == EINTR || errno == EAGAIN || errno == ENOMEM, "the interrupt helper can poll");
  }
  if (entries[0].revents == 0) return;
  if (detail::InterruptibleWait* waiter = shared.waiter.exchange(nullptr)) waiter->notify();
  shared.notified = true;
  shared.notified.notify_all();
}

UniqueFd make_event() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC));
  if (!fd.valid()) {
    throw os_error(errno, "cannot watch for Ctrl+C (eventfd)", "raise the limit on open files (ulimit -n)");
  }
  return fd;
}

void add_one(int fd) noexcept {
  const std::uint64_t one = 1;
  expect(::write(fd, &one, sizeof(one)) == sizeof(one), "an eventfd takes one more");
}

/// Blocks only for the rest of the handler, between its two steps.
void take_one(int fd) noexcept {
  std::uint64_t count = 0;
  while (::read(fd, &count, sizeof(count)) < 0) expect(errno == EINTR, "an eventfd can be read");
}

bool in_scope_thread() noexcept {
  return shared.home != 0 && ::pthread_equal(shared.thread, ::pthread_self()) != 0;
}

/// The next scope may begin. No thread has the number 0, so none is taken for the next scope's meanwhile.
void release() noexcept {
  shared.thread = pthread_t{};
  shared.home = 0;
}

sigset_t interrupt_only() noexcept {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

Interrupted::Interrupted(std::source_location where)
    : Error(ErrorCode::interrupted, "interrupted by SIGINT (Ctrl+C)", where) {}

InterruptScope::InterruptScope() : home_(::getpid()), signal_(make_event()), stop_(make_event()) {
  pid_t taken = shared.home;
  // A forked copy inherits the number of its origin: there it means nothing.
  if (taken == home_ || !shared.home.compare_exchange_strong(taken, home_)) {
    throw Error(ErrorCode::usage, "this process has an InterruptScope already; make one, in main()");
  }
  shared.thread = ::pthread_self();
  shared.pending = false;
  shared.signals = 0;
  if (taken != 0) shared.handlers = 0;  // those run in the origin
  shared.waiter = nullptr;
  shared.notified = false;
  try {
    start_helper();
  } catch (const std::system_error& error) {
    release();
    throw os_error(error.code().value(), "cannot start the thread that watches for Ctrl+C",
                   "raise the limit on processes (ulimit -u, or the cgroup's pids.max)");
  }
  shared.signal_fd = signal_.get();
  install_handler();
  const sigset_t interrupt = interrupt_only();
  sigset_t before;
  ::pthread_sigmask(SIG_UNBLOCK, &interrupt, &before);
  was_blocked_ = ::sigismember(&before, SIGINT) == 1;
}

void InterruptScope::start_helper() {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // a new thread inherits the mask
  try {
    own_.emplace();
    helper_ = std::make_unique<std::jthread>(&serve, signal_.get(), stop_.get());
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_setname_np(helper_->native_handle(), "forebay-ctrl-c");
}

InterruptScope::~InterruptScope() {
  const pid_t here = ::getpid();
  if (here != home_) {
    // The thread exists in the original only, so its handle is leaked: it can neither be joined nor
    // destroyed.
    static_cast<void>(helper_.release());
    if (shared.home != here) ::sigaction(SIGINT, &shared.previous, nullptr);
    return;
  }
  const bool same_thread = in_scope_thread();
  ::sigaction(SIGINT, &shared.previous, nullptr);
  shared.signal_fd = -1;
  while (shared.handlers != 0) std::this_thread::yield();
  add_one(stop_.get());
  helper_->join();
  const bool unanswered = shared.pending.exchange(false);
  release();
  const sigset_t interrupt = interrupt_only();
  if (was_blocked_ && same_thread) ::pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
  if (unanswered) ::kill(here, SIGINT);
}

namespace detail {

void throw_if_interrupted(std::source_location where) {
  if (!in_scope_thread() || !shared.pending || shared.home != ::getpid()) return;
  shared.pending = false;  // this thread is the only one that takes it, and no second signal sets it
  take_one(shared.signal_fd);
  throw Interrupted(where);
}

int interrupt_fd() noexcept { return in_scope_thread() ? shared.signal_fd.load() : -1; }

InterruptibleWait::InterruptibleWait(std::unique_lock<std::mutex>& lock,
                                     std::condition_variable& changed) noexcept
    : lock_(lock), changed_(changed) {
  if (!in_scope_thread()) return;
  announced_ = true;
  expect(shared.waiter.exchange(this) == nullptr, "the predicate of an interruptible wait does not wait");
}

InterruptibleWait::~InterruptibleWait() { static_cast<void>(withdraw()); }

bool InterruptibleWait::withdraw() {
  if (!announced_) return true;
  announced_ = false;
  if (shared.waiter.exchange(nullptr) == this) return true;
  lock_.unlock();
  shared.notified.wait(false);
  lock_.lock();
  return false;
}

void InterruptibleWait::notify() {
  const std::scoped_lock held(*lock_.mutex());
  changed_.notify_all();
}

}  // namespace detail
}  // namespace forebay
