#include "host/process/guardian_main.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "host/error.h"
#include "host/limits.h"
#include "host/memory/sealed_memory.h"
#include "host/process/block_table.h"
#include "host/process/guardian_socket.h"
#include "host/process/guardian_table.h"
#include "host/process/helper_step.h"
#include "host/process/sibling_clone.h"

namespace forebay::detail {
namespace {

using Clock = std::chrono::steady_clock;

/// What epoll tells of; below are the places in the table.
constexpr std::uint64_t root_ended = ~std::uint64_t{0};
constexpr std::uint64_t message_came = root_ended - 1;

/// The guardian's whole life. It has one thread.
class Watch {
 public:
  Watch(UniqueFd messages, SealedMemory memory, std::size_t entries, UniqueFd root, const LeafPath& leaf,
        SealedMemory blocks)
      : messages_(std::move(messages)),
        memory_(std::move(memory)),
        root_(std::move(root)),
        leaf_(leaf),
        blocks_(std::move(blocks)),
        table_(reinterpret_cast<Guarded*>(memory_.bytes().data()), entries),
        pidfds_(entries),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(root_.get(), root_ended);
    watch(messages_.get(), message_came);
    resume();
    helper_step("guardian.watches");
  }

  void run() {
    std::array<epoll_event, 64> events;
    while (!done()) {
      const int wait_ms = ending_ ? static_cast<int>(limits::held_back_poll.count()) * 10 : -1;
      const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms);
      for (int i = 0; i < ready; ++i) {
        const std::uint64_t what = events[static_cast<std::size_t>(i)].data.u64;
        if (what == root_ended) {
          end_all();
        } else if (what == message_came) {
          take_messages();
        } else {
          ended(static_cast<std::size_t>(what));
        }
      }
    }
    blocks_.unlink_all();
  }

 private:
  void watch(int fd, std::uint64_t what) const noexcept {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = what;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  /// After the root's end: as soon as nobody is left, and nobody can come.
  [[nodiscard]] bool done() const noexcept {
    if (!ending_) return false;
    return (guarded_ == 0 && closed_ && remove_leaf_cgroup(leaf_)) || Clock::now() >= leave_at_;
  }

  /// What an earlier guardian watched.
  void resume() {
    for (std::size_t place = 0; place < table_.size(); ++place) {
      Guarded& entry = table_[place];
      if (entry.pid == 0) continue;
      UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, entry.pid, 0)));
      if (pidfd.valid() && identity_of(pidfd.get(), entry.pid) == entry.identity) {
        pidfds_[place] = std::move(pidfd);
        ++guarded_;
        watch(pidfds_[place].get(), place);
        continue;
      }
      // It ended unwatched. Where its number is free, a group of that number can only be its own.
      if (!pidfd.valid()) ::kill(-entry.pid, SIGKILL);
      blocks_.unlink_blocks_of(static_cast<std::int32_t>(place));
      entry = Guarded{};
    }
  }

  void take_messages() {
    Told told;
    while (true) {
      switch (hear_told(messages_.get(), told)) {
        case Hearing::nothing: return;
        case Hearing::end:
          closed_ = true;
          ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, messages_.get(), nullptr);
          return;
        case Hearing::message: break;
      }
      helper_step("guardian.heard");
      if (const auto registration = as<Registration>(told);
          registration && registration->magic == guardian_magic && told.fds[0].valid() && told.pid > 0) {
        add(told.pid, std::move(told.fds[0]));
        helper_step("guardian.added");
      } else if (const auto note = as<BlockNote>(told); note && note->magic == block_magic) {
        blocks_.take(*note, told.fds, place_of(told.pid));
      }
    }
  }

  template <typename T>
  static std::optional<T> as(const Told& told) noexcept {
    T message;
    if (told.size != sizeof(T)) return std::nullopt;
    std::memcpy(&message, told.bytes.data(), sizeof(T));
    return message;
  }

  /// The root is in no place, nor is who made itself a child by other means: what is theirs is the tree's.
  [[nodiscard]] std::int32_t place_of(pid_t pid) const noexcept {
    for (std::size_t place = 0; place < table_.size(); ++place) {
      if (pid != 0 && table_[place].pid == pid) return static_cast<std::int32_t>(place);
    }
    return BlockTable::tree;
  }

  void add(pid_t pid, UniqueFd pidfd) {
    std::size_t place = next_;
    while (place < table_.size() && table_[place].pid != 0) ++place;
    if (place == table_.size()) {
      for (place = 0; place < next_ && table_[place].pid != 0;) ++place;
      if (table_[place].pid != 0) return;  // it still ends with its parent
    }
    next_ = place + 1 < table_.size() ? place + 1 : 0;
    table_[place] = Guarded{identity_of(pidfd.get(), pid), pid, 0};
    pidfds_[place] = std::move(pidfd);
    ++guarded_;
    watch(pidfds_[place].get(), place);
    if (ending_) end(place);
  }

  void ended(std::size_t place) {
    if (!pidfds_[place].valid()) return;
    helper_step("guardian.child.ended");
    take_messages();  // what it said before it ended
    blocks_.unlink_blocks_of(static_cast<std::int32_t>(place));
    kill_group_of(pidfds_[place].get(), table_[place].pid);
    pidfds_[place].reset();  // and with it leaves epoll
    table_[place] = Guarded{};
    next_ = place;
    --guarded_;
  }

  void end(std::size_t place) noexcept {
    ::syscall(SYS_pidfd_send_signal, pidfds_[place].get(), SIGKILL, nullptr, 0);
    kill_group_of(pidfds_[place].get(), table_[place].pid);
  }

  void end_all() {
    helper_step("guardian.root.ended");
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, root_.get(), nullptr);
    ending_ = true;
    leave_at_ = Clock::now() + limits::child_reap;
    take_messages();
    for (std::size_t place = 0; place < table_.size(); ++place) {
      if (pidfds_[place].valid()) end(place);
    }
    kill_leaf_cgroup(leaf_);
    helper_step("guardian.ended.all");
    blocks_.unlink_all();  // and once more when nobody is left who makes some
  }

  UniqueFd messages_;
  SealedMemory memory_;
  UniqueFd root_;
  LeafPath leaf_;
  BlockTable blocks_;
  std::span<Guarded> table_;
  std::vector<UniqueFd> pidfds_;
  UniqueFd epoll_;
  std::size_t next_ = 0;  // where a free place is likely
  std::size_t guarded_ = 0;
  bool ending_ = false;
  bool closed_ = false;
  Clock::time_point leave_at_{};
};

/// Nothing of the application's is held, and nothing but SIGKILL ends it.
void leave_everything() {
  ::setsid();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM}) {
    ::signal(signal, SIG_IGN);
  }
  ::prctl(PR_SET_NAME, "forebay-guard");
  if (::chdir("/") != 0) return;  // then it holds the folder that it is in; no reason to go without
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null.get(), fd);
}

}  // namespace

int guardian_main(Channel channel) {
  helper_step("guardian.maker.entered");
  const auto received = std::make_unique<Received>();
  static_cast<void>(channel.receive_until(*received, Clock::now() + limits::child_start));
  const std::optional<GuardianSetup> setup = received->as<GuardianSetup>();
  if (!setup || setup->magic != guardian_magic || received->fds.size() != 4) return 1;
  const SiblingClone clone;
  const pid_t made = clone.make_child();
  if (made < 0) return 1;
  if (made > 0) {
    helper_step("guardian.maker.copied");
    return 0;
  }
  leave_everything();
  helper_step("guardian.alone");
  {
    // Said only now: whoever hears it may kill the maker's group, or this process with a polite signal.
    const UniqueFd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
    const int fd = self.get();
    if (channel.try_send(GuardianAnswer{::getpid()}, std::span(&fd, 1)) != SendResult::sent) ::_exit(1);
  }
  channel.close();
  helper_step("guardian.told");
  Watch watch(std::move(received->fds[0]),
              SealedMemory::open(std::move(received->fds[1]), setup->entries * sizeof(Guarded)),
              setup->entries, std::move(received->fds[2]), setup->leaf,
              SealedMemory::open(std::move(received->fds[3]), BlockTable::bytes));
  watch.run();
  ::_exit(0);
}

}  // namespace forebay::detail
