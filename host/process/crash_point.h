#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <string_view>

namespace forebay {

/// Every crash point there is, by the role that comes to it. A test kills at each, so it goes through this
/// list and fails for a name that it does not know.
inline constexpr auto crash_point_names = std::to_array<std::string_view>({
    // start.*: the process that starts another
    "start.note.sent",       // the hand-over lies in the channel, there is no process yet
    "start.process.forked",  // there is a process that nobody watches yet
    "start.process.watched",
    // bootstrap.*: the process that is started
    "bootstrap.entered",  // not yet tied to its parent's life
    "bootstrap.tied",
    "bootstrap.note.received",
    "bootstrap.ready",
    "bootstrap.exit",  // its function has returned
    // worker.*: of a pool
    "worker.setup.received",
    "worker.sleep",  // has announced that it sleeps
    "worker.task.seen",
    "worker.stop.seen",
    "worker.function.defined",
    "worker.task.claimed",
    "worker.task.revoked",  // has found that the pool took it back
    "worker.payload.received",
    "worker.item.started",
    "worker.item.returned",
    "worker.item.threw",
    "worker.payload.sent",
    "worker.ring.full",  // has announced that it waits for room
    "worker.result.written",
    "worker.result.committed",
    "worker.doorbell.due",  // has the duty to wake the pool
    "worker.doorbell.rung",
    "worker.task.popped",
    // pool.*: the process that has the pool
    "pool.function.defined",
    "pool.task.reserved",
    "pool.payload.sent",
    "pool.task.committed",
    "pool.worker.wake.due",  // has the duty to wake a worker
    "pool.task.revoked",
    "pool.result.read",
    "pool.result.popped",
    "pool.member.started",
    "pool.member.admitted",
    "pool.stop.sent",
    "pool.worker.condemned",  // will be killed, for its item took too long
    "pool.death.confirmed",
    "pool.task.requeued",
    "pool.task.failed",
});

/// The same of what processes share, in whichever of them comes there.
inline constexpr auto shared_crash_point_names = std::to_array<std::string_view>({
    "context.joined",  // has a place in the table that the supervisor does not know of
    "context.announced",
    "context.took_over",  // the supervisor has ended, this process has its place
    "context.recovered",  // what a dead process owned is given back, its place is not yet free
    "lock.taken",
    "lock.unlocking",
    "semaphore.taken",
    "semaphore.given",  // nobody has been woken yet
    "condition.waiting",
    "condition.notified",  // nobody has been woken yet
    "condition.awake",
    "event.set",  // nobody has been woken yet
    "barrier.arrived",
    "barrier.tripping",
    "queue.reserved",  // the tail is not moved on yet
    "queue.written",
    "queue.committed",  // nobody has been woken yet
    "queue.taken",
    "queue.read",
    "queue.released",  // nobody has been woken yet
    "pipe.descriptors.sent",
    "pipe.written",
    "pipe.wake.due",
    "pipe.read",
    "pipe.sleep",       // has announced that it sleeps until a message comes
    "pipe.full.sleep",  // has announced that it waits for room
    "pipe.closing",     // the socket is closed, nobody has been woken yet
});

/// The name of a crash point: one that is not in the list does not compile.
class CrashPointName {
 public:
  template <std::size_t size>
  consteval CrashPointName(const char (&name)[size]) : name_(name) {  // NOLINT: implicit on purpose
    const auto in = [this](const auto& names) {
      return std::find(names.begin(), names.end(), name_) != names.end();
    };
    if (!in(crash_point_names) && !in(shared_crash_point_names))
      throw "this crash point is in no list of names";
  }
  /// A name of a list that lies above this library.
  template <typename Names>
  [[nodiscard]] static consteval CrashPointName of_list(const Names& names, std::string_view name) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw "this crash point is not in the list of names";
    return CrashPointName(name);
  }
  [[nodiscard]] constexpr std::string_view text() const noexcept { return name_; }

 private:
  constexpr explicit CrashPointName(std::string_view name) : name_(name) {}
  std::string_view name_;
};

/// For tests: a place where a process can be made to die, to show that the others survive it. The variable
/// FOREBAY_CRASH_POINT holds "<name>:<n>:<file>" or "<name>=<how>:<n>:<file>": the process that comes to the
/// place of that name for the n-th time dies there, if it is the one that removes the file (so one process
/// does, whatever their number). How: kill (SIGKILL, the default), segv (SIGSEGV), exit (code 3, nothing is
/// tidied up), stop (SIGSTOP: lives on, deaf). Read once, at the first crash point. Where the variable is not
/// set, a place costs one relaxed load.
class CrashPoints {
 public:
  static void reached(CrashPointName name) noexcept {
    if (state_.load(std::memory_order_relaxed) != off) [[unlikely]]
      look(name.text());
  }
  /// Takes over what the environment says now. For tests that set the variable after the first crash point.
  static void read_environment() noexcept;

 private:
  enum State : int { unknown, off, armed };
  static void look(std::string_view name) noexcept;
  static std::atomic<int> state_;
};

inline void crash_point(CrashPointName name) noexcept { CrashPoints::reached(name); }

}  // namespace forebay
