#include "host/process/sibling_clone.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "host/error.h"
#include "host/process/thread_count.h"

namespace forebay {
namespace {

/// glibc's struct pthread has the thread's number this far before the head of its robust list, on every
/// architecture with 64-bit pointers: {tid, unused, previous robust mutex, head}.
constexpr std::size_t tid_before_robust_head = 16;

/// The C library's copy of the thread's number: where the kernel clears it at the thread's end.
pid_t* registered_thread_id() noexcept {
  pid_t* address = nullptr;
  // A pointer is written; kernels without CONFIG_CHECKPOINT_RESTORE refuse.
  if (::prctl(PR_GET_TID_ADDRESS, &address) != 0) return nullptr;
  return address;
}

pid_t bare_clone(std::uint64_t flags, int exit_signal, pid_t* child_tid) noexcept {
  clone_args arguments{};
  arguments.flags = flags;
  arguments.exit_signal = static_cast<std::uint64_t>(exit_signal);
  arguments.child_tid = reinterpret_cast<std::uintptr_t>(child_tid);
  const long made = ::syscall(SYS_clone3, &arguments, sizeof(arguments));
  if (made >= 0 || errno != ENOSYS) return static_cast<pid_t>(made);
  flags |= static_cast<std::uint64_t>(exit_signal);
  // Some sandboxes hide clone3. The order of the last two arguments is the architecture's.
#if defined(__x86_64__)
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, child_tid, nullptr));
#else
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, child_tid));
#endif
}

}  // namespace

SiblingClone::SiblingClone() {
  if (thread_count().value_or(1) != 1) {
    throw Error(ErrorCode::usage,
                "a forkserver has one thread only; the preload function must not start others");
  }
  if (::syscall(SYS_get_robust_list, 0, &robust_, &robust_bytes_) != 0 || robust_ == nullptr) {
    throw os_error(errno, "cannot find the thread's list of robust mutexes", "use the start method spawn");
  }
  auto* const beside_list =
      reinterpret_cast<pid_t*>(reinterpret_cast<std::byte*>(robust_) - tid_before_robust_head);
  thread_id_ = registered_thread_id();
  if (thread_id_ == nullptr) thread_id_ = beside_list;
  if (*thread_id_ != ::gettid()) {
    throw Error(ErrorCode::environment,
                "this C library keeps a thread's number in an unknown place; use the start method spawn");
  }
}

pid_t SiblingClone::clone(unsigned long long flags, int exit_signal) const noexcept {
  // The kernel writes the new number into the copy's memory, before the copy runs.
  const pid_t made = bare_clone(flags | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, exit_signal, thread_id_);
  if (made == 0) ::syscall(SYS_set_robust_list, robust_, robust_bytes_);
  return made;
}

// The exit signal is then this process's own: SIGCHLD.
pid_t SiblingClone::make() const noexcept { return clone(CLONE_PARENT, 0); }
pid_t SiblingClone::make_child() const noexcept { return clone(0, SIGCHLD); }

}  // namespace forebay
