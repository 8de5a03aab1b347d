#pragma once

#include <sys/types.h>

namespace forebay {

/// Who is at the other end of a Unix socket, by the kernel's word: the process that connected or listened.
struct SocketPeer {
  pid_t pid = 0;  ///< 0 where it has no number here (another pid namespace)
  uid_t uid = 0;
  gid_t gid = 0;
};

namespace detail {

/// Throws Error(environment).
[[nodiscard]] SocketPeer peer_of(int socket);
/// This process's user, or root.
[[nodiscard]] bool is_trusted(const SocketPeer& peer) noexcept;

}  // namespace detail
}  // namespace forebay
