#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/channel/auth_key.h"
#include "host/channel/channel.h"
#include "host/channel/connection.h"
#include "host/channel/socket_peer.h"

namespace forebay::detail {

/// What a listener and a client say to each other, in three messages and then the connection itself:
/// Greeting ->, <- Answer, Welcome ->. Each proves the key over both sides' nonces, the client first, so no
/// proof helps in another handshake. `magic` also tells another version of Forebay, whose pipes may differ.
inline constexpr std::uint64_t handshake_magic = 0x3159'4142'4552'4f46;  // "FOREBAY1"

enum class Verdict : std::uint32_t { welcome, wrong_key, key_wanted, no_key_here, other_user };

struct Greeting {
  std::uint64_t magic = handshake_magic;
  Verdict verdict = Verdict::welcome;
  std::uint32_t keyed = 0;
  AuthKey::Nonce nonce{};
};
struct Answer {
  std::uint64_t magic = handshake_magic;
  std::uint32_t keyed = 0;
  std::uint32_t reserved = 0;
  AuthKey::Nonce nonce{};
  AuthKey::Proof proof{};
};
struct Welcome {
  std::uint64_t magic = handshake_magic;
  Verdict verdict = Verdict::welcome;
  std::uint32_t reserved = 0;
  AuthKey::Proof proof{};
};

/// The proofs of one handshake, made or checked.
class HandshakeProofs {
 public:
  HandshakeProofs(const AuthKey& key, const AuthKey::Nonce& listener, const AuthKey::Nonce& client);
  [[nodiscard]] AuthKey::Proof of_client() const { return key_.prove(client_role, nonces_); }
  [[nodiscard]] AuthKey::Proof of_listener() const { return key_.prove(listener_role, nonces_); }
  [[nodiscard]] bool client_is(const AuthKey::Proof& proof) const {
    return key_.proves(proof, client_role, nonces_);
  }
  [[nodiscard]] bool listener_is(const AuthKey::Proof& proof) const {
    return key_.proves(proof, listener_role, nonces_);
  }

 private:
  static constexpr std::string_view client_role = "forebay client";
  static constexpr std::string_view listener_role = "forebay listener";
  const AuthKey& key_;
  std::vector<std::byte> nonces_;
};

/// The listener's side of one handshake. Never blocks. One thread.
class Handshake {
 public:
  using Clock = std::chrono::steady_clock;

  Handshake(Channel channel, SocketPeer peer, Clock::time_point deadline) noexcept
      : channel_(std::move(channel)), peer_(peer), deadline_(deadline) {}

  /// False: the client is gone.
  [[nodiscard]] bool greet(bool keyed);
  /// Says no to another user.
  void turn_away();
  /// Takes the answer, which is there. False: the client is gone, or no Forebay. Throws
  /// AuthenticationError, which the client is told too.
  [[nodiscard]] bool hear(const AuthKey* key, Received& scratch);
  /// The connection, after hear(); nothing where the client is gone. Throws what Connection::pair() throws:
  /// then it can be tried again.
  [[nodiscard]] std::optional<Connection> let_in();

  [[nodiscard]] int fd() const noexcept { return channel_.fd(); }
  [[nodiscard]] const SocketPeer& peer() const noexcept { return peer_; }
  [[nodiscard]] Clock::time_point deadline() const noexcept { return deadline_; }

 private:
  [[noreturn]] void refuse(Verdict verdict, const std::string& why);

  Channel channel_;
  SocketPeer peer_;
  Clock::time_point deadline_;
  AuthKey::Nonce nonce_{};
  Welcome welcome_;
  bool welcomed_ = false;
};

}  // namespace forebay::detail
