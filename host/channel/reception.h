#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "host/channel/auth_key.h"
#include "host/channel/channel.h"
#include "host/channel/connection.h"
#include "host/channel/handshake.h"
#include "host/channel/socket_peer.h"

namespace forebay {

struct ListenerOptions;

namespace detail {

/// Lets clients in: talks to all that have connected at a time, so that one which says nothing, or garbage,
/// holds up nobody. Not thread-safe.
class Reception {
 public:
  using Clock = std::chrono::steady_clock;
  struct Guest {
    Connection connection;
    SocketPeer peer;
  };

  /// `listening` and `stop` stay the caller's.
  Reception(int listening, int stop, const ListenerOptions& options);

  /// The next client that is let in; nothing at the deadline. Throws AuthenticationError for one that failed
  /// to prove its key, ListenerClosed when `stop` is readable, Interrupted, Error(environment | no_memory)
  /// where there is nothing left to make a connection of.
  [[nodiscard]] std::optional<Guest> next(Clock::time_point deadline);

  void close() noexcept { pending_.clear(); }

  /// Clients that were let go of without a word to the caller.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  [[nodiscard]] bool wait(Clock::time_point deadline);
  [[nodiscard]] std::optional<Guest> serve();
  [[nodiscard]] std::optional<Connection> finish(Handshake& one);
  void admit();
  void drop_overdue();
  void drop_one_of_the_many();
  void drop(std::size_t index);

  int listening_;
  int stop_;
  const ListenerOptions& options_;
  std::vector<Handshake> pending_;  // in order of arrival
  std::vector<bool> readable_;      // [i]: something of pending_[i] is there
  bool knocked_ = false;
  std::uint64_t dropped_ = 0;
  std::unique_ptr<Received> scratch_;
};

}  // namespace detail
}  // namespace forebay
