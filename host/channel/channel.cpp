#include "host/channel/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "host/channel/rights.h"
#include "host/error.h"

namespace forebay {
namespace {

using Clock = std::chrono::steady_clock;

/// A channel never sits on a standard stream (the application may have closed one): a print would land in it.
UniqueFd above_standard_streams(UniqueFd fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!moved.valid())
    throw os_error(errno, "cannot create a channel", "raise the limit on open files (ulimit -n)");
  return moved;
}

int send_buffer_bytes(int fd) {
  int bytes = 0;
  socklen_t size = sizeof(bytes);
  return ::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &size) == 0 ? bytes : 0;
}

void widen_send_buffer(int fd) {
  // The kernel doubles what is asked for, for its own overhead, and reports the doubled number.
  if (send_buffer_bytes(fd) >= 2 * limits::channel_buffer_bytes) return;
  const int wanted = limits::channel_buffer_bytes;
  static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted)));
  if (send_buffer_bytes(fd) >= limits::channel_buffer_bytes) return;
  throw Error(ErrorCode::environment, "a channel's send buffer is " + std::to_string(send_buffer_bytes(fd)) +
                                          " bytes, but " + std::to_string(limits::channel_buffer_bytes) +
                                          " are needed for two messages; raise the sysctl net.core.wmem_max");
}

SendResult send_failed(int error_number) {
  switch (error_number) {
    case EAGAIN: return SendResult::would_block;
    case EPIPE:
    case ECONNRESET:
    case ECONNREFUSED:
    case ENOTCONN: return SendResult::closed;
    case ETOOMANYREFS:
      throw os_error(error_number, "cannot send descriptors: too many are on their way",
                     "raise the limit on open files (ulimit -n, RLIMIT_NOFILE) of the sender");
    default: throw os_error(error_number, "cannot send a message over a channel", {}, ErrorCode::io);
  }
}

/// The descriptors of one received message, owned from the first moment on.
struct Arrived {
  std::array<UniqueFd, limits::message_fds_max> fds;
  std::size_t count = 0;
};

/// The kernel delivers no more than the control buffer holds, so `arrived` always has room.
void adopt(msghdr& header, Arrived& arrived) noexcept {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      expect(arrived.count < arrived.fds.size(), "no more descriptors than the control buffer holds");
      arrived.fds[arrived.count++].reset(fd);
    }
  }
}

void check_whole(const msghdr& header) {
  if ((header.msg_flags & MSG_TRUNC) != 0) {
    throw Error(ErrorCode::protocol, "a message longer than " + std::to_string(limits::message_bytes_max) +
                                         " bytes arrived; all processes of a run must be the same build");
  }
  if ((header.msg_flags & MSG_CTRUNC) != 0) {
    throw Error(ErrorCode::protocol,
                "descriptors of a message were cut off: more than " +
                    std::to_string(limits::message_fds_max) +
                    " were sent, or this process is at its limit of open files (ulimit -n)");
  }
}

/// Waits until the socket is worth another try. False: the deadline has passed.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  while (true) {
    const auto now = Clock::now();
    if (now >= deadline) return false;
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - now).count();
    const timespec timeout{static_cast<time_t>(left / 1'000'000'000),
                           static_cast<long>(left % 1'000'000'000)};
    pollfd entry{fd, events, 0};
    const int ready = ::ppoll(&entry, 1, &timeout, nullptr);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw os_error(errno, "cannot wait on a channel", {}, ErrorCode::io);
  }
}

}  // namespace

std::pair<Channel, Channel> Channel::pair() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    throw os_error(errno, "cannot create a channel", "raise the limit on open files (ulimit -n)");
  }
  UniqueFd first(ends[0]);
  UniqueFd second(ends[1]);
  first = above_standard_streams(std::move(first));
  second = above_standard_streams(std::move(second));
  widen_send_buffer(first.get());
  widen_send_buffer(second.get());
  return {Channel(std::move(first)), Channel(std::move(second))};
}

SendResult Channel::try_send_bytes(std::span<const std::byte> message, std::span<const int> fds) {
  expect(!message.empty() && message.size() <= limits::message_bytes_max, "a message has 1 to 4096 bytes");
  expect(fds.size() <= limits::message_fds_max, "a message carries at most 64 descriptors");
  iovec part{const_cast<std::byte*>(message.data()), message.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(limits::message_fds_max * sizeof(int))> control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  detail::carry_rights(header, control, fds);
  while (::sendmsg(fd_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno != EINTR) return send_failed(errno);
  }
  return SendResult::sent;
}

ReceiveResult Channel::try_receive(Received& into) {
  into.size = 0;
  into.fds.clear();
  iovec part{into.bytes.data(), into.bytes.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(limits::message_fds_max * sizeof(int))> control;
  while (true) {
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0) {
      // A peer that ends with unread messages resets the connection, and the kernel reports that once,
      // *before* what the peer had still sent. So ask again: its last messages, then EOF, follow.
      if (errno == EINTR || errno == ECONNRESET) continue;
      if (errno == EAGAIN) return ReceiveResult::would_block;
      if (errno == ENOTCONN || errno == EPIPE) return ReceiveResult::closed;
      throw os_error(errno, "cannot receive a message from a channel", {}, ErrorCode::io);
    }
    if (header.msg_controllen != 0) {
      Arrived arrived;
      adopt(header, arrived);
      check_whole(header);
      if (got == 0) return ReceiveResult::closed;
      into.fds.reserve(arrived.count);
      std::move(arrived.fds.begin(), arrived.fds.begin() + static_cast<std::ptrdiff_t>(arrived.count),
                std::back_inserter(into.fds));
    }
    check_whole(header);
    if (got == 0) return ReceiveResult::closed;  // no message is empty: see try_send_bytes
    into.size = static_cast<std::size_t>(got);
    return ReceiveResult::received;
  }
}

SendResult Channel::send_until(std::span<const std::byte> message, std::span<const int> fds,
                               Clock::time_point deadline) {
  while (true) {
    const SendResult result = try_send_bytes(message, fds);
    if (result != SendResult::would_block) return result;
    if (!wait_for(fd_.get(), POLLOUT, deadline)) return SendResult::would_block;
  }
}

bool Channel::writable_until(Clock::time_point deadline) const {
  return wait_for(fd_.get(), POLLOUT, deadline);
}

ReceiveResult Channel::receive_until(Received& into, Clock::time_point deadline) {
  while (true) {
    const ReceiveResult result = try_receive(into);
    if (result != ReceiveResult::would_block) return result;
    if (!wait_for(fd_.get(), POLLIN, deadline)) return ReceiveResult::would_block;
  }
}

}  // namespace forebay
