#include "host/channel/connect.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

#include "host/channel/handshake.h"
#include "host/channel/socket_address.h"
#include "host/channel/socket_peer.h"
#include "host/process/current_process.h"
#include "host/sync/interrupt.h"
#include "host/sync/wait_point.h"

namespace forebay {
namespace {

using Clock = std::chrono::steady_clock;
using detail::SocketAddress;

Error connect_error(int error_number, const SocketAddress& address) {
  const std::string action = "cannot connect to '" + address.text() + "'";
  switch (error_number) {
    case ECONNREFUSED:
      return Error(ErrorCode::peer_died,
                   action + ": nobody listens there (any more); start the listener, or start it again");
    case ENOENT:
      return os_error(ENOENT, action, "start the listener first, or set ConnectOptions::wait_for_listener");
    case EACCES:
    case EPERM:
      return os_error(error_number, action, "it is another user's; its listener can allow any_user");
    case EPROTOTYPE:
      return Error(ErrorCode::protocol, action + ": what listens there is no Forebay listener");
    default: return os_error(error_number, action);
  }
}

Error too_late(const SocketAddress& address, const char* why) {
  return Error(ErrorCode::timeout, "cannot connect to '" + address.text() + "' in time: " + why);
}

/// One attempt: 0, or errno. Waits where the backlog is full: only a blocking connect can.
int try_connect(int fd, const SocketAddress& address, Clock::time_point deadline) {
  while (true) {
    detail::throw_if_interrupted();
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(
        std::min<Clock::duration>(deadline - Clock::now(), limits::interrupt_look));
    // 0 would be no limit.
    const timeval slice{0, static_cast<suseconds_t>(std::max<std::int64_t>(left.count(), 1000))};
    static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof(slice)));
    if (::connect(fd, static_cast<const sockaddr*>(address.raw()), address.raw_bytes()) == 0) return 0;
    if ((errno != EAGAIN && errno != EINTR) || Clock::now() >= deadline) return errno;
  }
}

Channel reach(const SocketAddress& address, const ConnectOptions& options, Clock::time_point deadline) {
  while (true) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!fd.valid())
      throw os_error(errno, "cannot create a socket", "raise the limit on open files (ulimit -n)");
    const int failed = try_connect(fd.get(), address, deadline);
    if (failed == 0) return Channel(std::move(fd));
    if (failed == EAGAIN || failed == EINTR) {
      throw too_late(address, "its backlog was full all the time; let the listener accept more often");
    }
    const bool nobody = failed == ECONNREFUSED || failed == ENOENT;
    if (!nobody || !options.wait_for_listener) throw connect_error(failed, address);
    const auto now = Clock::now();
    if (now >= deadline) throw too_late(address, "nobody has begun to listen there");
    static_cast<void>(detail::wait_readable(-1, std::min(deadline, now + limits::address_look)));
  }
}

/// The client's side of a handshake.
class Caller {
 public:
  Caller(const SocketAddress& address, Channel channel, Clock::time_point deadline)
      : address_(address), channel_(std::move(channel)), deadline_(deadline) {}

  [[nodiscard]] Connection talk(const AuthKey* key) {
    const auto greeting = hear<detail::Greeting>();
    check(greeting.verdict);
    const auto nonce = AuthKey::fresh_nonce();
    detail::Answer answer{.keyed = key != nullptr ? 1U : 0U, .nonce = nonce};
    std::optional<detail::HandshakeProofs> proofs;
    // A proof is for a listener that can check it; where it has no key it is told so and says no itself.
    if (key != nullptr && greeting.keyed != 0) proofs.emplace(*key, greeting.nonce, nonce);
    if (proofs) answer.proof = proofs->of_client();
    if (channel_.try_send(answer) != SendResult::sent) throw gone();
    const auto welcome = hear<detail::Welcome>();
    check(welcome.verdict);
    if ((key != nullptr) != (greeting.keyed != 0) || (proofs && !proofs->listener_is(welcome.proof))) {
      throw refused("the listener did not prove that it has the key");
    }
    hear_any();
    Decoder decoder({received_->bytes.data(), received_->size}, received_->fds);
    return decode<Connection>(decoder);
  }

 private:
  [[nodiscard]] AuthenticationError refused(const std::string& why) const {
    return AuthenticationError("cannot connect to '" + address_.text() + "': " + why);
  }
  [[nodiscard]] Error gone() const {
    return Error(ErrorCode::peer_died,
                 "cannot connect to '" + address_.text() +
                     "': the listener ended or was closed, or dropped this client as too slow");
  }
  void check(detail::Verdict verdict) const {
    switch (verdict) {
      case detail::Verdict::welcome: return;
      case detail::Verdict::wrong_key: throw refused("the listener has another key");
      case detail::Verdict::key_wanted: throw refused("the listener wants a key; give its authkey");
      case detail::Verdict::no_key_here: throw refused("the listener has no key; give none, or one to it");
      case detail::Verdict::other_user:
        throw refused("the listener takes its own user's processes only; it can allow any_user");
    }
    throw stranger();
  }
  [[nodiscard]] Error stranger() const {
    return Error(ErrorCode::protocol, "cannot connect to '" + address_.text() +
                                          "': what listens there is no listener of this version of Forebay");
  }
  void hear_any() {
    while (true) {
      switch (channel_.try_receive(*received_)) {
        case ReceiveResult::received: return;
        case ReceiveResult::closed: throw gone();
        case ReceiveResult::would_block: break;
      }
      if (!detail::wait_readable(channel_.fd(), deadline_)) {
        throw too_late(address_, "the listener did not accept; its accept() is not being called");
      }
    }
  }
  template <typename T>
  [[nodiscard]] T hear() {
    hear_any();
    const auto message = received_->as<T>();
    if (!message || message->magic != detail::handshake_magic) throw stranger();
    return *message;
  }

  const SocketAddress& address_;
  Channel channel_;
  Clock::time_point deadline_;
  std::unique_ptr<Received> received_ = std::make_unique<Received>();
};

}  // namespace

Connection connect(std::string_view address, const ConnectOptions& options) {
  const SocketAddress where(address);
  const auto deadline = detail::after(options.timeout);
  Channel channel = reach(where, options, deadline);
  const SocketPeer listener = detail::peer_of(channel.fd());
  if (!options.any_user && !detail::is_trusted(listener)) {
    throw AuthenticationError("cannot connect to '" + where.text() + "': its listener belongs to user " +
                              std::to_string(listener.uid) + "; set any_user if that is meant");
  }
  return Caller(where, std::move(channel), deadline).talk(options.authkey ? &*options.authkey : nullptr);
}

}  // namespace forebay
