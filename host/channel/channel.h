#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "host/contract.h"
#include "host/limits.h"
#include "host/memory/unique_fd.h"

namespace forebay {

/// A message as received: its bytes and the descriptors that came with it (close-on-exec).
struct Received {
  std::size_t size = 0;
  alignas(8) std::array<std::byte, limits::message_bytes_max> bytes;  // not zeroed: `size` says what is valid
  std::vector<UniqueFd> fds;

  /// The message as the POD `T`, copied out; nothing if the size is not T's.
  template <typename T>
  [[nodiscard]] std::optional<T> as() const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= limits::message_bytes_max);
    if (size != sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
};

enum class SendResult { sent, would_block, closed };
enum class ReceiveResult { received, would_block, closed };

/// One end of a SOCK_SEQPACKET pair: whole messages, in order, with descriptors; EOF tells the peer's death.
/// Both ends are non-blocking. One thread may send while another receives. What a
/// peer sent before it ended is received before `closed` is.
class Channel {
 public:
  Channel() noexcept = default;
  explicit Channel(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  /// A connected pair, close-on-exec. Throws Error(environment).
  [[nodiscard]] static std::pair<Channel, Channel> pair();

  /// Sends one POD with up to limits::message_fds_max descriptors, which stay the caller's. Never blocks,
  /// never raises SIGPIPE. Throws Error(environment) where too many descriptors are on their way
  /// (RLIMIT_NOFILE), and Error(io) for another failure that is neither a full nor a closed channel.
  template <typename T>
  [[nodiscard]] SendResult try_send(const T& message, std::span<const int> fds = {}) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= limits::message_bytes_max);
    return try_send_bytes({reinterpret_cast<const std::byte*>(&message), sizeof(T)}, fds);
  }
  [[nodiscard]] SendResult try_send_bytes(std::span<const std::byte> message, std::span<const int> fds);

  /// Receives one message into `into` if there is one. Never blocks. A message that is cut off, or whose
  /// descriptors are, throws Error(protocol).
  [[nodiscard]] ReceiveResult try_receive(Received& into);

  /// As above, but waits until the deadline (would_block: it passed).
  [[nodiscard]] SendResult send_until(std::span<const std::byte> message, std::span<const int> fds,
                                      std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] ReceiveResult receive_until(Received& into, std::chrono::steady_clock::time_point deadline);

  /// Waits until a send is worth another try. False: the deadline has passed.
  [[nodiscard]] bool writable_until(std::chrono::steady_clock::time_point deadline) const;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] bool valid() const noexcept { return fd_.valid(); }
  void close() noexcept { fd_.reset(); }

 private:
  UniqueFd fd_;
};

}  // namespace forebay
