#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "host/memory/sealed_memory.h"
#include "host/memory/unique_fd.h"
#include "host/process/leaf_cgroup.h"
#include "host/process/own_threads.h"

namespace forebay::detail {

/// The guardian is a small process beside the root of a tree of Forebay processes. Every child registers with
/// it before it runs anything of the application, its own children likewise. When one ends, it kills that
/// one's process group; when the root ends, in whatever way, it kills everything that is registered, and goes
/// too. Likewise it unlinks the named blocks of shared memory that these made (BlockTable). It is no child of
/// the root (wait(-1) never sees it), has a session of its own, ignores what a terminal or a shutdown sends,
/// and holds none of the application's files.
///
/// This is the root's side, and in its descendants the descriptor that they inherited. Thread-safe.
/// Invariants:
///  1. Everything but `descriptor_` is touched under `mutex_` only, and by the keeper thread, which takes it.
///  2. The socket's both ends and the tables belong to the root, so they outlive a guardian that is killed:
///     the keeper, which waits for that, starts another, which finds the tables as they were left and the
///     registrations that were not read yet.
///  3. Nothing here fails a start: where no guardian can be had, children live without.
class Guardian {
 public:
  [[nodiscard]] static Guardian& instance();

  /// What a child gets as guardian_fd; -1 where there is none. The first call starts the guardian.
  [[nodiscard]] int descriptor() noexcept;
  /// The same, but starts none: -1 where none is there yet.
  [[nodiscard]] int known_descriptor() const noexcept { return descriptor_; }
  /// In a child: the root's guardian is this one's too.
  void inherit(int fd) noexcept { descriptor_ = fd; }
  /// In a copy that the start method fork made: as in any child.
  void forget(int fd) noexcept;
  /// Ends the keeper. The guardian itself ends with the process.
  void stop() noexcept;
  /// The cgroup that children enter, where this process is the root and has one; see make_leaf_cgroup().
  /// After descriptor().
  [[nodiscard]] LeafPath leaf() const noexcept;
  /// 0 where there is none. For tests.
  [[nodiscard]] pid_t pid();

 private:
  void open_socket();
  void start_process();
  void keep() noexcept;

  std::mutex mutex_;
  std::atomic<int> descriptor_{-1};
  std::atomic<pid_t> home_{0};  // the root that the rest belongs to; 0 in its descendants
  UniqueFd write_end_;
  UniqueFd read_end_;
  SealedMemory table_;
  SealedMemory blocks_;
  LeafPath leaf_{};
  UniqueFd pidfd_;
  pid_t pid_ = 0;
  UniqueFd stop_;  // eventfd
  bool failed_ = false;
  std::optional<OwnThread> own_;  // for as long as keeper_
  std::unique_ptr<std::thread> keeper_;
};

/// In a child, before anything of the application runs: tells the guardian at `socket`. Waits, where its
/// queue is full, at most limits::child_stop, and then goes on without.
void register_with_guardian(int socket) noexcept;

}  // namespace forebay::detail
