#pragma once

#include <sys/types.h>

#include <cstdint>

#include "host/memory/unique_fd.h"
#include "host/process/leaf_cgroup.h"

namespace forebay::detail {

inline constexpr std::uint64_t guardian_magic = 0x4e41'4944'5241'5547;  // "GUARDIAN" in memory

/// What the guardian is told when it starts; with it come the socket's reading end, the table, the root's
/// pidfd, and the table of blocks.
struct GuardianSetup {
  std::uint64_t magic = guardian_magic;
  std::uint64_t entries = 0;
  LeafPath leaf{};  ///< everything in it goes with the root; empty: none
};

/// The guardian that was made: with it comes its pidfd.
struct GuardianAnswer {
  pid_t pid = 0;
};

/// A child's one message, with its pidfd; the kernel adds its number.
struct Registration {
  std::uint64_t magic = guardian_magic;
};

/// A registered process, in memory that outlives a guardian. `pid` 0: free. Written by the guardian alone.
struct Guarded {
  std::uint64_t identity = 0;  ///< no two processes since the machine started have the same
  pid_t pid = 0;
  std::uint32_t unused = 0;
};

/// Tells processes with the same number apart: the pidfd's inode where the kernel gives each process its own,
/// otherwise the time of its start. 0 where that cannot be read.
[[nodiscard]] std::uint64_t identity_of(int pidfd, pid_t pid);

/// SIGKILL to the process group that `pidfd`'s process leads or led, never to a stranger's. Linux 6.9 takes
/// the group by the pidfd. Before, by its number: which is the group's own as long as it has a member, and
/// free for anybody else once it has none; so it is left alone where a process has that number now.
void kill_group_of(int pidfd, pid_t pid) noexcept;

}  // namespace forebay::detail
