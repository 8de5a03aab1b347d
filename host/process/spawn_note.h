#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>

#include "host/process/child_setup.h"
#include "host/process/function.h"
#include "host/process/leaf_cgroup.h"

namespace forebay {

/// How a process tells the child that it spawned who it is: an environment variable "<pid of the
/// parent>:<nonce>", the child's end of the channel as descriptor 3, and this note as the first message in
/// it, there before the exec.

inline constexpr const char* spawn_variable = "FOREBAY_SPAWNED";
inline constexpr int spawn_channel_fd = 3;
inline constexpr int guardian_fd = 4;  // only in children that a guardian watches
inline constexpr std::uint64_t spawn_magic = 0x3130'5941'4245'524f;  // "OREBAY01" in memory
inline constexpr std::uint32_t spawn_version = 3;                    // of this file's protocol
inline constexpr std::size_t comm_bytes = 16;                        // TASK_COMM_LEN, the final zero included

/// First message to a child.
struct SpawnNote {
  std::uint64_t magic = spawn_magic;
  std::uint32_t version = spawn_version;
  pid_t parent = 0;
  std::uint64_t nonce = 0;  ///< as in the variable: so the variable and the channel belong together
  FunctionId main;          ///< a ChildMain
  std::array<char, comm_bytes> name{};
  ChildSetup setup;
  detail::LeafPath leaf{};  ///< the cgroup to enter; empty: none
};

}  // namespace forebay
