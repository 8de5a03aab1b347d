#include "host/channel/challenge.h"

#include <span>
#include <string_view>
#include <vector>

namespace forebay {
namespace {

constexpr std::string_view role = "forebay challenge";
constexpr std::byte right{1};
constexpr std::byte wrong{0};

/// Of exactly so many bytes.
std::vector<std::byte> hear(Connection& connection, std::size_t bytes, std::chrono::nanoseconds timeout) {
  if (!connection.poll(timeout))
    throw Error(ErrorCode::timeout, "the other side of a challenge said nothing");
  std::vector<std::byte> message = connection.recv_bytes();
  if (message.size() != bytes) {
    throw Error(ErrorCode::protocol, "received " + std::to_string(message.size()) + " bytes where " +
                                         std::to_string(bytes) + " belong to a challenge");
  }
  return message;
}

}  // namespace

void deliver_challenge(Connection& connection, const AuthKey& key, std::chrono::nanoseconds timeout) {
  const AuthKey::Nonce nonce = AuthKey::fresh_nonce();
  connection.send_bytes(nonce);
  const std::vector<std::byte> answer = hear(connection, AuthKey::bytes, timeout);
  const bool proved = key.proves(std::span<const std::byte, AuthKey::bytes>(answer), role, nonce);
  connection.send_bytes({proved ? &right : &wrong, 1});
  if (!proved) throw AuthenticationError("the other side of the connection has another key");
}

void answer_challenge(Connection& connection, const AuthKey& key, std::chrono::nanoseconds timeout) {
  const std::vector<std::byte> nonce = hear(connection, AuthKey::bytes, timeout);
  connection.send_bytes(key.prove(role, nonce));
  if (hear(connection, 1, timeout).front() != right) {
    throw AuthenticationError("the other side of the connection has another key");
  }
}

}  // namespace forebay
