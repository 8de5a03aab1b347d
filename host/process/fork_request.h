#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "host/process/function.h"

namespace forebay::detail {

inline constexpr std::uint64_t fork_magic = 0x4b52'4f46'5045'5246;  // "FREPFORK" in memory
inline constexpr std::size_t title_bytes_max = 128;                 // a longer one is cut: it is for people

/// What a forkserver is told when it starts.
struct ForkserverSetup {
  std::uint64_t magic = fork_magic;
  FunctionId preload;  ///< void(*)(), run before the first fork; empty: none
};

/// A forkserver's one answer: whether it can serve.
struct ForkserverReady {
  bool ready = false;
  std::array<char, 1024> reason{};  ///< why not
};

/// Asks for one copy. With it come the copy's end of its channel, its standard output and error, and, where
/// environment_bytes is not 0, memory with "name=value\0" of each of its variables. The copy's channel holds
/// its SpawnNote already.
struct ForkRequest {
  std::uint64_t magic = fork_magic;
  pid_t parent = 0;
  std::uint64_t nonce = 0;  ///< as in the note
  std::uint64_t environment_bytes = 0;
  std::array<char, title_bytes_max> title{};
};

/// The copy's first message in its own channel, with its pidfd; or the server's, where there is no copy.
struct ForkAnswer {
  std::uint64_t magic = fork_magic;
  pid_t pid = 0;
  int error_number = 0;
};

}  // namespace forebay::detail
