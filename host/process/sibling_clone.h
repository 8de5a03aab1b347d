#pragma once

#include <sys/types.h>

#include <cstddef>

struct robust_list_head;

namespace forebay {

/// Makes a copy of this process that is a child of its parent instead of its own (CLONE_PARENT): so the
/// parent gets its exit status and its end with its own, and this process's death does not concern it.
///
/// The C library's fork cannot do that, so the copy is made by the bare system call, and what fork repairs is
/// repaired here: the thread's own number, which mutexes are owned by, and the kernel's address of the list
/// of robust mutexes. All else that fork takes care of are the locks of other threads: there must be none.
/// Handlers of pthread_atfork do not run.
class SiblingClone {
 public:
  /// Finds the places. Throws Error(environment) where this C library keeps them elsewhere, and Error(usage)
  /// where the process has a second thread.
  SiblingClone();

  /// The new process's number; 0 in the new process. -1 and errno where the kernel refuses.
  [[nodiscard]] pid_t make() const noexcept;
  /// As above, but a child of this process, as by fork.
  [[nodiscard]] pid_t make_child() const noexcept;

 private:
  [[nodiscard]] pid_t clone(unsigned long long flags, int exit_signal) const noexcept;

  pid_t* thread_id_ = nullptr;
  robust_list_head* robust_ = nullptr;
  std::size_t robust_bytes_ = 0;
};

}  // namespace forebay
