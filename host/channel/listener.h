#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>

#include "host/channel/auth_key.h"
#include "host/channel/authentication_error.h"
#include "host/channel/connection.h"
#include "host/channel/listening_socket.h"
#include "host/channel/reception.h"
#include "host/channel/socket_peer.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/memory/unique_fd.h"

namespace forebay {

/// The listener was closed. ErrorCode::usage.
class ListenerClosed : public Error {
 public:
  explicit ListenerClosed(std::source_location where = std::source_location::current());
};

struct ListenerOptions {
  /// Client and listener prove to each other that they have the same one. Without: whoever may connect is in.
  std::optional<AuthKey> authkey{};
  int backlog = limits::listener_backlog;  ///< clients that wait for the next accept() before others wait
  bool any_user = false;                   ///< else only this process's user and root
  std::chrono::milliseconds handshake = limits::handshake;  ///< for a client to answer, then it is dropped
};

/// Waits for processes of this machine that are no relatives, and gives a Connection to each: the same
/// shared memory as pipe() makes, so as fast. Python's Listener.
///
///     forebay::Listener listener("/run/app/socket", {.authkey = forebay::AuthKey(secret)});
///     forebay::Connection connection = listener.accept();
///
/// Both programs must be made with the same Forebay, compiler and types of messages. Functions and arguments
/// of pools cross only between processes of one executable.
///
/// Thread-safe, the destructor apart. Several threads may accept: one is at it, the others wait their turn.
class Listener {
 public:
  /// At a path, at an abstract name after '@' or NUL, or at an abstract name of its own. A file that a killed
  /// listener left is replaced. Throws Error(usage) for no address, a too long one or one of TCP, and
  /// Error(environment) where a live listener or another file is there or the directory refuses.
  explicit Listener(std::string_view address = {}, ListenerOptions options = {});
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { close(); }

  /// The next client's connection. Blocks. A client that says nothing, garbage, or belongs to another user
  /// holds up nobody and is only counted. Throws AuthenticationError for one that has not the key (others
  /// are let in by the next call), ListenerClosed, Interrupted, Error(environment | no_memory) where
  /// descriptors or memory are short.
  [[nodiscard]] Connection accept();
  /// At most so long: then nothing. Zero only looks; a handshake may take several looks.
  [[nodiscard]] std::optional<Connection> accept(std::chrono::nanoseconds timeout);

  /// What a client connects to.
  [[nodiscard]] const std::string& address() const noexcept { return socket_.address().text(); }
  /// The client of the last accept(). Its process may have ended, and passed the connection on.
  [[nodiscard]] std::optional<SocketPeer> last_accepted() const;
  /// Clients that were dropped without an exception, see accept().
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

  /// Removes the file, refuses who connects from now on, wakes who accepts. Connections that were made stay.
  /// Not needed before the destructor.
  void close() noexcept;

 private:
  class Visit;
  [[nodiscard]] std::optional<Connection> accept_until(std::chrono::steady_clock::time_point deadline);

  const ListenerOptions options_;
  UniqueFd stop_;  // eventfd, readable once closed
  detail::ListeningSocket socket_;
  detail::Reception reception_;  // of the thread that is at it
  std::atomic<std::uint64_t> dropped_{0};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_:
  bool closed_ = false;
  bool busy_ = false;         // a thread is at it
  std::uint32_t inside_ = 0;  // threads in accept()
  std::optional<SocketPeer> last_accepted_;
};

}  // namespace forebay
