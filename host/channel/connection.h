#pragma once

#include <atomic>
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
#include "host/channel/pipe_memory.h"
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
/// memory, which needs no system call while both sides are at it; who waits sleeps on a futex there. A
/// socket beside it tells the end of the other side, carries descriptors, and wakes who has slept for long
/// or waits for several connections. The other side's end is seen at once where it was closed, within 0.1 s
/// where its process was killed. Move-only; one process uses an end at a time, one thread sends and one
/// receives, also at the same time.
///
/// Passed to another process (as an argument, say) by std::move, it goes over there. A copy that stays
/// open here keeps the other side from seeing the end, as with any pipe.
class Connection {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::time_point no_deadline = Clock::time_point::max();

  Connection() noexcept = default;
  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(); }
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

  /// The socket. A message alone does not make it readable: to wait for connections use wait_ready().
  [[nodiscard]] int fileno() const;
  /// Also wakes who waits for this end on the other side.
  void close() noexcept;
  [[nodiscard]] bool closed() const noexcept { return !channel_.valid(); }
  [[nodiscard]] bool readable() const noexcept { return reads_; }
  [[nodiscard]] bool writable() const noexcept { return writes_; }

  void encode_into(Encoder& out) const;
  [[nodiscard]] static Connection decode_from(Decoder& in);

  /// For wait_ready(): says that this side sleeps on its socket, unless there is something to receive
  /// (false). Then the socket becomes readable with the next message.
  [[nodiscard]] bool announce();
  [[nodiscard]] bool has_message();

 private:
  Connection(Channel channel, SealedMemory memory, std::uint32_t side, PipeMode mode);
  void require(bool direction, const char* what) const;
  void send_message(std::span<const std::byte> bytes, std::span<const UniqueFd> fds,
                    Clock::time_point deadline);
  void send_part(std::span<const std::byte> part, std::uint64_t whole, std::uint32_t fds,
                 Clock::time_point deadline);
  [[nodiscard]] Encoded receive_message(Clock::time_point deadline);
  void receive_fds(std::size_t count, std::vector<UniqueFd>& into);

  // The sending thread's.
  [[nodiscard]] std::span<std::byte> await_room(std::size_t bytes, Clock::time_point deadline);
  [[nodiscard]] std::optional<std::span<std::byte>> spin_for_room(std::size_t bytes);
  void ask_for_the_end();
  void wake_reader();

  // The receiving thread's.
  [[nodiscard]] bool await_message(Clock::time_point deadline);
  [[nodiscard]] bool spin_for_message(Clock::time_point deadline);
  void sleep_on_socket(Clock::time_point deadline);
  void take_from_socket();
  void wake_writer();

  /// Whether a copy of the other end was closed that this thread has not looked for.
  [[nodiscard]] bool closing_is_new(std::uint32_t& seen) const noexcept;
  // Either thread sees it, for both: the release of the one pairs with the acquire of the other, so who
  // sees the end also sees all that was sent before it.
  [[nodiscard]] bool ended() noexcept {
    return std::atomic_ref(peer_closed_).load(std::memory_order_acquire);
  }
  void set_ended() noexcept { std::atomic_ref(peer_closed_).store(true, std::memory_order_release); }

  Channel channel_;
  SealedMemory memory_;
  PipeMemory* shared_ = nullptr;  // in memory_
  std::uint32_t side_ = 0;
  PipeMode mode_ = PipeMode::duplex;
  bool reads_ = false;
  bool writes_ = false;
  bool peer_closed_ = false;
  // The sending thread's.
  std::optional<RingWriter> writer_;
  SpinBudget write_spin_;
  std::uint32_t closings_sender_saw_ = 0;
  // The receiving thread's.
  std::optional<RingReader> reader_;
  SpinBudget read_spin_;
  std::uint32_t closings_receiver_saw_ = 0;
  std::vector<UniqueFd> fds_;  // that came before the message which they belong to was read
};

/// Python's Pipe().
[[nodiscard]] inline std::pair<Connection, Connection> pipe(PipeMode mode = PipeMode::duplex) {
  return Connection::pair(mode);
}

}  // namespace forebay
