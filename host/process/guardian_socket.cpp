#include "host/process/guardian_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "host/channel/rights.h"
#include "host/contract.h"

namespace forebay::detail {

Hearing hear_told(int socket, Told& into) noexcept {
  into.pid = 0;
  into.size = 0;
  for (UniqueFd& fd : into.fds) fd.reset();
  iovec part{into.bytes.data(), into.bytes.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(2 * sizeof(int)) + CMSG_SPACE(sizeof(ucred))> control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0) return errno == EINTR ? Hearing::message : Hearing::nothing;
  for (cmsghdr* one = CMSG_FIRSTHDR(&header); one != nullptr; one = CMSG_NXTHDR(&header, one)) {
    if (one->cmsg_level != SOL_SOCKET) continue;
    if (one->cmsg_type == SCM_RIGHTS) {
      const std::size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count && i < into.fds.size(); ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(one) + i * sizeof(fd), sizeof(fd));
        into.fds[i].reset(fd);
      }
    } else if (one->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(one), sizeof(sender));
      into.pid = sender.pid;
    }
  }
  if (got == 0) return Hearing::end;
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) into.size = static_cast<std::size_t>(got);
  return Hearing::message;
}

bool tell_guardian(int socket, std::span<const std::byte> message, std::span<const int> fds,
                   std::chrono::steady_clock::time_point deadline) noexcept {
  expect(fds.size() <= 2, "a guardian takes two descriptors at most");
  iovec part{const_cast<std::byte*>(message.data()), message.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(2 * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  detail::carry_rights(header, control, fds);
  while (::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno != EAGAIN && errno != EINTR) return false;
    pollfd entry{socket, POLLOUT, 0};
    if (std::chrono::steady_clock::now() >= deadline || ::poll(&entry, 1, 10) < 0) return false;
  }
  return true;
}

}  // namespace forebay::detail
