#include "host/channel/socket_peer.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "host/error.h"

namespace forebay::detail {

SocketPeer peer_of(int socket) {
  ucred peer{};
  socklen_t bytes = sizeof(peer);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) {
    throw os_error(errno, "cannot ask who is at the other end of a socket");
  }
  return {peer.pid, peer.uid, peer.gid};
}

bool is_trusted(const SocketPeer& peer) noexcept { return peer.uid == 0 || peer.uid == ::geteuid(); }

}  // namespace forebay::detail
