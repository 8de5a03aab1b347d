#include "host/channel/connection.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>

#include "host/limits.h"
#include "host/process/crash_point.h"

namespace forebay {
namespace {

/// Before every part of a message in the ring. A message has several where it is larger than a ring's block.
struct PartHead {
  std::uint64_t message_bytes = 0;  ///< of the whole, in its first part; 0 in the others
  std::uint32_t first = 0;
  std::uint32_t fds = 0;
};
static_assert(sizeof(PartHead) == ring_alignment);

}  // namespace

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
  shared_ = std::launder(reinterpret_cast<PipeMemory*>(memory_.bytes().data()));
  reads_ = mode == PipeMode::duplex || side == 0;
  writes_ = mode == PipeMode::duplex || side == 1;
  if (writes_) writer_.emplace(shared_->index[side], PipeMemory::ring(memory_.bytes(), side));
  if (reads_) reader_.emplace(shared_->index[1 - side], PipeMemory::ring(memory_.bytes(), 1 - side));
}

std::pair<Connection, Connection> Connection::pair(PipeMode mode) {
  SealedMemory memory = SealedMemory::create_sparse("forebay-pipe", PipeMemory::bytes);
  ::new (memory.bytes().data()) PipeMemory;
  UniqueFd copy(::fcntl(memory.fd(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!copy.valid())
    throw os_error(errno, "cannot create a pipe", "raise the limit on open files (ulimit -n)");
  SealedMemory second = SealedMemory::open(std::move(copy), PipeMemory::bytes);
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

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this == &other) return *this;
  close();
  std::destroy_at(this);
  std::construct_at(this, std::move(other));
  return *this;
}

void Connection::send_part(std::span<const std::byte> part, std::uint64_t whole, std::uint32_t fds,
                           Clock::time_point deadline) {
  const std::size_t bytes = sizeof(PartHead) + part.size();
  const auto room = await_room(bytes, deadline);
  const PartHead head{whole, whole != 0 || fds != 0 || part.empty() ? 1U : 0U, fds};
  std::memcpy(room.data(), &head, sizeof(head));
  if (!part.empty()) std::memcpy(room.data() + sizeof(head), part.data(), part.size());
  crash_point("pipe.written");
  writer_->commit();
  wake_reader();
}

void Connection::send_message(std::span<const std::byte> bytes, std::span<const UniqueFd> fds,
                              Clock::time_point deadline) {
  require(writes_, "send");
  if (closing_is_new(closings_sender_saw_)) ask_for_the_end();
  // A killed one may be seen late: what is written after the other side has ended is read by nobody.
  if (ended()) throw ConnectionClosed();
  if (!fds.empty()) {
    std::vector<int> raw;
    for (const UniqueFd& fd : fds) raw.push_back(fd.get());
    const auto message = PipeSocketMessage::descriptors;
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

void Connection::receive_fds(std::size_t count, std::vector<UniqueFd>& into) {
  if (count > limits::message_fds_max) throw Error(ErrorCode::protocol, "received too many descriptors");
  take_from_socket();  // they were sent before the message that names them
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
    if (!await_message(deadline)) throw Error(ErrorCode::timeout, "no message came in time");
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
    wake_writer();
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
  SealedMemory memory = SealedMemory::open(in.read_fd(), PipeMemory::bytes);
  const auto side = in.read_plain<std::uint32_t>();
  const auto mode = in.read_plain<PipeMode>();
  if (side > 1 || (mode != PipeMode::duplex && mode != PipeMode::one_way)) {
    throw Error(ErrorCode::protocol, "received a connection that is none");
  }
  return Connection(std::move(channel), std::move(memory), side, mode);
}

}  // namespace forebay
