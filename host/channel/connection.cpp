#include "host/channel/connection.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>

#include "host/contract.h"
#include "host/limits.h"
#include "host/process/crash_point.h"
#include "host/sync/interrupt.h"

namespace forebay {
namespace {

/// Before every part of a message in the ring. A message has several where it is larger than a ring's block.
struct PartHead {
  std::uint64_t message_bytes = 0;  ///< of the whole, in its first part; 0 in the others
  std::uint32_t first = 0;
  std::uint32_t fds = 0;
};
static_assert(sizeof(PartHead) == ring_alignment);

/// What comes over the socket: a wake-up, or descriptors.
enum class SocketMessage : std::uint32_t { doorbell, descriptors };

}  // namespace

struct Connection::Shared {
  RingIndex index[2];  // [i]: written by side i
  static constexpr std::size_t bytes = 4096 + 2 * limits::pipe_ring_bytes;
  static std::span<std::byte> ring(std::span<std::byte> memory, std::uint32_t side) noexcept {
    return memory.subspan(4096 + side * limits::pipe_ring_bytes, limits::pipe_ring_bytes);
  }
};

ConnectionClosed::ConnectionClosed(std::source_location where)
    : Error(ErrorCode::peer_died, "the other end of the connection is closed, or its process has ended",
            where) {}

BufferTooShort::BufferTooShort(std::vector<std::byte> message, std::source_location where)
    : Error(ErrorCode::usage,
            "the message has " + std::to_string(message.size()) +
                " bytes, more than the buffer; it is in this exception",
            where),
      message_(std::make_shared<const std::vector<std::byte>>(std::move(message))) {}

Connection::Connection(Channel channel, SealedMemory memory, std::uint32_t side, PipeMode mode)
    : channel_(std::move(channel)), memory_(std::move(memory)), side_(side), mode_(mode) {
  static_assert(sizeof(Shared) <= 4096);
  auto& shared = *std::launder(reinterpret_cast<Shared*>(memory_.bytes().data()));
  reads_ = mode == PipeMode::duplex || side == 0;
  writes_ = mode == PipeMode::duplex || side == 1;
  if (writes_) writer_.emplace(shared.index[side], Shared::ring(memory_.bytes(), side));
  if (reads_) reader_.emplace(shared.index[1 - side], Shared::ring(memory_.bytes(), 1 - side));
}

std::pair<Connection, Connection> Connection::pair(PipeMode mode) {
  SealedMemory memory = SealedMemory::create_sparse("forebay-pipe", Shared::bytes);
  ::new (memory.bytes().data()) Shared;
  UniqueFd copy(::fcntl(memory.fd(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!copy.valid())
    throw os_error(errno, "cannot create a pipe", "raise the limit on open files (ulimit -n)");
  SealedMemory second = SealedMemory::open(std::move(copy), Shared::bytes);
  auto [a, b] = Channel::pair();
  return {Connection(std::move(a), std::move(memory), 0, mode),
          Connection(std::move(b), std::move(second), 1, mode)};
}

void Connection::require(bool direction, const char* what) const {
  if (closed()) throw Error(ErrorCode::usage, std::string("cannot ") + what + ": the connection is closed");
  if (!direction) {
    throw Error(ErrorCode::usage, std::string("cannot ") + what + " at this end of a one-way pipe");
  }
}

int Connection::fileno() const {
  require(true, "name its descriptor");
  return channel_.fd();
}

void Connection::close() noexcept {
  channel_.close();
  writer_.reset();
  reader_.reset();
  fds_.clear();
}

void Connection::wake_peer() {
  crash_point("pipe.wake.due");
  const auto message = SocketMessage::doorbell;
  // A full socket (would_block) wakes as well; a closed one has nobody to wake.
  static_cast<void>(channel_.try_send(message));
}

/// Takes what came over the socket: doorbells count for nothing once they are read; descriptors are kept.
void Connection::take_doorbells() {
  const auto received = std::make_unique<Received>();
  while (!peer_closed_) {
    const ReceiveResult result = channel_.try_receive(*received);
    if (result == ReceiveResult::would_block) return;
    if (result == ReceiveResult::closed) {
      peer_closed_ = true;
      return;
    }
    std::move(received->fds.begin(), received->fds.end(), std::back_inserter(fds_));
  }
}

/// Sleeps until the socket says something. False: the deadline has passed. The caller has announced the
/// sleep.
bool Connection::park_until(Clock::time_point deadline) {
  const int interrupt = detail::interrupt_fd();
  std::array<pollfd, 2> entries{{{channel_.fd(), POLLIN, 0}, {interrupt, POLLIN, 0}}};
  const auto now = Clock::now();
  if (now >= deadline) {
    take_doorbells();
    return false;
  }
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::min<Clock::duration>(deadline - now, std::chrono::nanoseconds(limits::idle_poll)));
  const timespec timeout{static_cast<time_t>(left.count() / 1'000'000'000),
                         static_cast<long>(left.count() % 1'000'000'000)};
  if (::ppoll(entries.data(), interrupt >= 0 ? 2 : 1, &timeout, nullptr) < 0 && errno != EINTR) {
    throw os_error(errno, "cannot wait on a connection", {}, ErrorCode::io);
  }
  detail::throw_if_interrupted();
  take_doorbells();
  return true;
}

void Connection::send_part(std::span<const std::byte> part, std::uint64_t whole, std::uint32_t fds,
                           Clock::time_point deadline) {
  const std::size_t bytes = sizeof(PartHead) + part.size();
  auto room = writer_->reserve(bytes);
  const auto spin_until = Clock::now() + (room ? std::chrono::nanoseconds(0) : write_spin_.next());
  while (!room) {
    if (peer_closed_) throw ConnectionClosed();
    if (Clock::now() < spin_until) {
      spin_pause();
      room = writer_->reserve(bytes);
      continue;
    }
    if (writer_->announce_full()) room = writer_->reserve(bytes);
    if (!room && !park_until(deadline)) throw Error(ErrorCode::timeout, "the pipe was full all the time");
    if (!room) room = writer_->reserve(bytes);
  }
  const PartHead head{whole, whole != 0 || fds != 0 || part.empty() ? 1U : 0U, fds};
  std::memcpy(room->data(), &head, sizeof(head));
  if (!part.empty()) std::memcpy(room->data() + sizeof(head), part.data(), part.size());
  crash_point("pipe.written");
  writer_->commit();
  if (writer_->must_wake()) wake_peer();
}

void Connection::send_message(std::span<const std::byte> bytes, std::span<const UniqueFd> fds,
                              Clock::time_point deadline) {
  require(writes_, "send");
  // Seen at most one message late: what is written after the other side has ended is read by nobody.
  if (peer_closed_) throw ConnectionClosed();
  if (!fds.empty()) {
    std::vector<int> raw;
    for (const UniqueFd& fd : fds) raw.push_back(fd.get());
    const auto message = SocketMessage::descriptors;
    const auto result =
        channel_.send_until({reinterpret_cast<const std::byte*>(&message), sizeof(message)}, raw, deadline);
    if (result == SendResult::closed) throw ConnectionClosed();
    if (result == SendResult::would_block) throw Error(ErrorCode::timeout, "the pipe was full all the time");
    crash_point("pipe.descriptors.sent");
  }
  const std::size_t part_max = writer_->block_bytes_max() - sizeof(PartHead);
  const std::size_t first = std::min(bytes.size(), part_max);
  send_part(bytes.first(first), bytes.size(), static_cast<std::uint32_t>(fds.size()), deadline);
  for (std::size_t sent = first; sent < bytes.size();) {
    const std::size_t count = std::min(bytes.size() - sent, part_max);
    send_part(bytes.subspan(sent, count), 0, 0, deadline);
    sent += count;
  }
}

bool Connection::has_message() {
  require(reads_, "receive");
  return reader_->readable();
}

bool Connection::announce() {
  require(reads_, "receive");
  if (peer_closed_) return false;
  return reader_->announce();
}

bool Connection::poll(std::chrono::nanoseconds timeout) {
  require(reads_, "receive");
  const auto deadline = detail::after(timeout);
  if (has_message()) return true;
  const auto spin_until = std::min(deadline, Clock::now() + read_spin_.next());
  while (Clock::now() < spin_until) {
    if (has_message()) {
      read_spin_.tell(true);
      return true;
    }
    spin_pause();
  }
  read_spin_.tell(false);
  while (true) {
    if (has_message() || peer_closed_) return true;  // the end can be received too
    if (!announce()) continue;
    const bool in_time = park_until(deadline);
    reader_->withdraw();
    if (!in_time) return has_message() || peer_closed_;
  }
}

void Connection::receive_fds(std::size_t count, std::vector<UniqueFd>& into) {
  if (count > limits::message_fds_max) throw Error(ErrorCode::protocol, "received too many descriptors");
  take_doorbells();  // they were sent before the message that names them
  if (fds_.size() < count) throw Error(ErrorCode::protocol, "descriptors of a message did not come along");
  std::move(fds_.begin(), fds_.begin() + static_cast<std::ptrdiff_t>(count), std::back_inserter(into));
  fds_.erase(fds_.begin(), fds_.begin() + static_cast<std::ptrdiff_t>(count));
}

Encoded Connection::receive_message(Clock::time_point deadline) {
  require(reads_, "receive");
  Encoded message;
  std::uint64_t whole = 0;
  bool begun = false;
  while (!begun || message.bytes.size() < whole) {
    const auto left = deadline == no_deadline ? std::chrono::nanoseconds::max()
                                              : std::chrono::nanoseconds(deadline - Clock::now());
    if (!poll(left)) throw Error(ErrorCode::timeout, "no message came in time");
    const auto block = reader_->peek();
    if (!block) throw ConnectionClosed();  // also in the middle of a message: the rest will never come
    PartHead head;
    if (block->size() < sizeof(head)) throw Error(ErrorCode::protocol, "received a message without a head");
    std::memcpy(&head, block->data(), sizeof(head));
    const auto part = block->subspan(sizeof(head));
    if ((head.first != 0) == begun)
      throw Error(ErrorCode::protocol, "received a message's parts out of order");
    if (!begun) {
      begun = true;
      whole = head.message_bytes;
      // What the head says is believed only as far as bytes come: memory is taken with them.
      message.bytes.reserve(std::min<std::uint64_t>(whole, limits::pipe_reserve_bytes_max));
      if (head.fds != 0) receive_fds(head.fds, message.fds);
    }
    if (part.size() > whole - message.bytes.size())
      throw Error(ErrorCode::protocol, "received too long a message");
    message.bytes.insert(message.bytes.end(), part.begin(), part.end());
    crash_point("pipe.read");
    reader_->pop();
    if (reader_->must_wake()) wake_peer();
  }
  return message;
}

std::vector<std::byte> Connection::recv_bytes(std::size_t length_max) {
  std::vector<std::byte> message = recv_bytes();
  if (message.size() <= length_max) return message;
  close();
  throw Error(ErrorCode::usage, "a message of " + std::to_string(message.size()) +
                                    " bytes came where at most " + std::to_string(length_max) +
                                    " were allowed; the connection is closed now");
}

std::size_t Connection::recv_bytes_into(std::span<std::byte> buffer, std::size_t offset) {
  if (offset > buffer.size()) throw Error(ErrorCode::usage, "the offset lies beyond the end of the buffer");
  std::vector<std::byte> message = recv_bytes();
  if (message.size() > buffer.size() - offset) throw BufferTooShort(std::move(message));
  if (!message.empty()) std::memcpy(buffer.data() + offset, message.data(), message.size());
  return message.size();
}

void Connection::encode_into(Encoder& out) const {
  require(true, "pass it on");
  if (!fds_.empty())
    throw Error(ErrorCode::usage, "receive the message that has come before passing the connection on");
  out.write_fd(channel_.fd());
  out.write_fd(memory_.fd());
  out.write_plain(side_);
  out.write_plain(mode_);
}

Connection Connection::decode_from(Decoder& in) {
  Channel channel(in.read_fd());
  SealedMemory memory = SealedMemory::open(in.read_fd(), Shared::bytes);
  const auto side = in.read_plain<std::uint32_t>();
  const auto mode = in.read_plain<PipeMode>();
  if (side > 1 || (mode != PipeMode::duplex && mode != PipeMode::one_way)) {
    throw Error(ErrorCode::protocol, "received a connection that is none");
  }
  return Connection(std::move(channel), std::move(memory), side, mode);
}

}  // namespace forebay
