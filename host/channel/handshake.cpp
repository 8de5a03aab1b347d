#include "host/channel/handshake.h"

#include <vector>

#include "host/channel/authentication_error.h"
#include "host/codec/codec.h"

namespace forebay::detail {

HandshakeProofs::HandshakeProofs(const AuthKey& key, const AuthKey::Nonce& listener,
                                 const AuthKey::Nonce& client)
    : key_(key), nonces_(listener.begin(), listener.end()) {
  nonces_.insert(nonces_.end(), client.begin(), client.end());
}

bool Handshake::greet(bool keyed) {
  nonce_ = AuthKey::fresh_nonce();
  const Greeting greeting{.keyed = keyed ? 1U : 0U, .nonce = nonce_};
  return channel_.try_send(greeting) == SendResult::sent;
}

void Handshake::turn_away() {
  const Greeting greeting{.verdict = Verdict::other_user};
  static_cast<void>(channel_.try_send(greeting));
}

void Handshake::refuse(Verdict verdict, const std::string& why) {
  const Welcome refusal{.verdict = verdict};
  static_cast<void>(channel_.try_send(refusal));  // where it is gone already it knows, or does not care
  throw AuthenticationError("a client (process " + std::to_string(peer_.pid) + " of user " +
                            std::to_string(peer_.uid) + ") was refused: " + why);
}

bool Handshake::hear(const AuthKey* key, Received& scratch) {
  const ReceiveResult result = channel_.try_receive(scratch);
  const std::optional<Answer> answer = scratch.as<Answer>();
  if (result != ReceiveResult::received || !scratch.fds.empty() || !answer ||
      answer->magic != handshake_magic)
    return false;
  if (key == nullptr) {
    if (answer->keyed != 0) refuse(Verdict::no_key_here, "it has a key, which this listener has not");
    return true;
  }
  if (answer->keyed == 0) refuse(Verdict::key_wanted, "it has no key");
  const HandshakeProofs proofs(*key, nonce_, answer->nonce);
  if (!proofs.client_is(answer->proof)) refuse(Verdict::wrong_key, "it has another key");
  welcome_.proof = proofs.of_listener();
  return true;
}

std::optional<Connection> Handshake::let_in() {
  auto [mine, theirs] = Connection::pair();
  Encoder encoder;
  encode(encoder, theirs);
  const Encoded encoded = encoder.take();
  std::vector<int> fds;
  for (const UniqueFd& fd : encoded.fds) fds.push_back(fd.get());
  if (!welcomed_ && channel_.try_send(welcome_) != SendResult::sent) return std::nullopt;
  welcomed_ = true;
  if (channel_.try_send_bytes(encoded.bytes, fds) != SendResult::sent) return std::nullopt;
  return std::move(mine);
}

}  // namespace forebay::detail
