#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <utility>
#include <vector>

#include "host/channel/channel.h"
#include "host/channel/ring.h"
#include "host/codec/codec.h"
#include "host/error.h"
#include "host/memory/sealed_memory.h"
#include "host/sync/wait_point.h"

namespace forebay {

/// The other end of a pipe is closed, or its process has ended, and everything that it had sent was
/// received. Python's EOFError; for a send, BrokenPipeError. ErrorCode::peer_died.
class ConnectionClosed : public Error {
 public:
  explicit ConnectionClosed(std::source_location where = std::source_location::current());
};

/// A message is larger than the room for it; the whole message is kept in here. ErrorCode::usage.
class BufferTooShort : public Error {
 public:
  explicit BufferTooShort(std::vector<std::byte> message,
                          std::source_location where = std::source_location::current());
  [[nodiscard]] const std::vector<std::byte>& message() const noexcept { return *message_; }

 private:
  std::shared_ptr<const std::vector<std::byte>> message_;
};

enum class PipeMode { duplex, one_way };

/// One end of a pipe between two processes: whole messages, in order. Bytes go through a ring in shared
/// memory, which needs no system call while both sides are at it; a socket beside it tells the end of
/// the other side, wakes who sleeps, and carries descriptors. Move-only; one process uses an end at a
/// time, one thread sends and one receives.
///
/// Passed to another process (as an argument, say) by std::move, it goes over there. A copy that stays
/// open here keeps the other side from seeing the end, as with any pipe.
class Connection {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::time_point no_deadline = Clock::time_point::max();

  Connection() noexcept = default;
  /// Two connected ends. one_way: the first only receives, the second only sends. Throws
  /// Error(environment | no_memory).
  [[nodiscard]] static std::pair<Connection, Connection> pair(PipeMode mode = PipeMode::duplex);

  /// Sends a value, descriptors and shared objects included. Blocks while the ring is full, and until a
  /// message that is larger than the ring has been received in part. Throws ConnectionClosed,
  /// Error(usage) for an end that only receives, Interrupted.
  template <typename T>
  void send(const T& value) {
    Encoder encoder;
    encode(encoder, value);
    const Encoded encoded = encoder.take();
    send_message(encoded.bytes, encoded.fds, no_deadline);
  }
  /// Receives a value of the type that was sent. Blocks. Throws ConnectionClosed, Error(protocol) where
  /// it was another type, Interrupted.
  template <typename T>
  [[nodiscard]] T recv() {
    Encoded message = receive_message(no_deadline);
    Decoder decoder(message.bytes, message.fds);
    return decode<T>(decoder);
  }

  void send_bytes(std::span<const std::byte> message) { send_message(message, {}, no_deadline); }
  [[nodiscard]] std::vector<std::byte> recv_bytes() { return receive_message(no_deadline).bytes; }
  /// At most so many: a longer message throws Error(usage) and closes the connection, as in Python.
  [[nodiscard]] std::vector<std::byte> recv_bytes(std::size_t length_max);
  /// Into `buffer` from `offset` on: how many they were. Throws BufferTooShort, which has the message.
  std::size_t recv_bytes_into(std::span<std::byte> buffer, std::size_t offset = 0);

  /// Whether there is something to receive, the end included: now, or within `timeout`. Throws Interrupted.
  [[nodiscard]] bool poll(std::chrono::nanoseconds timeout = std::chrono::nanoseconds(0));

  /// The socket. It is readable only while this end sleeps in a call: to wait for connections use wait().
  [[nodiscard]] int fileno() const;
  void close() noexcept;
  [[nodiscard]] bool closed() const noexcept { return !channel_.valid(); }
  [[nodiscard]] bool readable() const noexcept { return reads_; }
  [[nodiscard]] bool writable() const noexcept { return writes_; }

  void encode_into(Encoder& out) const;
  [[nodiscard]] static Connection decode_from(Decoder& in);

  /// For wait(): says that this side sleeps, unless there is something to receive (false). Then its
  /// socket becomes readable with the next message.
  [[nodiscard]] bool announce();
  [[nodiscard]] bool has_message();

 private:
  struct Shared;  // the two rings, in memory that both ends have

  Connection(Channel channel, SealedMemory memory, std::uint32_t side, PipeMode mode);
  void require(bool direction, const char* what) const;
  void send_message(std::span<const std::byte> bytes, std::span<const UniqueFd> fds,
                    Clock::time_point deadline);
  [[nodiscard]] Encoded receive_message(Clock::time_point deadline);
  void send_part(std::span<const std::byte> part, std::uint64_t whole, std::uint32_t fds,
                 Clock::time_point deadline);
  void wake_peer();
  void take_doorbells();
  bool park_until(Clock::time_point deadline);
  void receive_fds(std::size_t count, std::vector<UniqueFd>& into);

  Channel channel_;
  SealedMemory memory_;
  std::uint32_t side_ = 0;
  PipeMode mode_ = PipeMode::duplex;
  bool reads_ = false;
  bool writes_ = false;
  bool peer_closed_ = false;
  std::optional<RingWriter> writer_;
  std::optional<RingReader> reader_;
  std::vector<UniqueFd> fds_;  // that came before the message which they belong to was read
  SpinBudget read_spin_;
  SpinBudget write_spin_;
};

/// Python's Pipe().
[[nodiscard]] inline std::pair<Connection, Connection> pipe(PipeMode mode = PipeMode::duplex) {
  return Connection::pair(mode);
}

}  // namespace forebay
