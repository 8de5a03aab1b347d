#include "host/channel/socket_address.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstddef>

#include "host/channel/auth_key.h"
#include "host/error.h"
#include "host/limits.h"

namespace forebay::detail {
namespace {

/// "host:5000", "[::1]:5000", "tcp://host": meant for a network.
bool looks_like_tcp(std::string_view text) {
  if (text.starts_with("tcp://")) return true;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return false;
  const std::string_view port = text.substr(colon + 1);
  return text.find('/') == std::string_view::npos &&
         std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

SocketAddress::SocketAddress(std::string_view text) : text_(text) {
  if (text.empty()) throw Error(ErrorCode::usage, "the address is empty; give a path or '@name'");
  if (text_.front() == '\0') text_.front() = '@';
  if (text_.size() == 1 && !is_path()) {
    throw Error(ErrorCode::usage, "the abstract address '@' has no name; write '@name'");
  }
  if (is_path()) {
    if (text.find('\0') != std::string_view::npos) {
      throw Error(ErrorCode::usage, "a path has no NUL within; an abstract address begins with it");
    }
    if (looks_like_tcp(text)) {
      throw Error(ErrorCode::usage, "'" + text_ +
                                        "' is an address of TCP, which is not there; processes of one "
                                        "machine use a path (./name for a name with a colon) or '@name'");
    }
  }
  if (text.size() > limits::socket_address_bytes_max) {
    throw Error(ErrorCode::usage, "the address '" + text_ + "' has " + std::to_string(text.size()) +
                                      " bytes, more than the " +
                                      std::to_string(limits::socket_address_bytes_max) +
                                      " of a Unix socket; use a shorter path, or '@name'");
  }
  sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  text.copy(raw.sun_path, text.size());
  if (!is_path()) raw.sun_path[0] = '\0';
  raw_ = std::bit_cast<decltype(raw_)>(raw);
  // A path ends with its NUL. Every byte of an abstract name counts, so nothing may follow it.
  const std::size_t bytes = offsetof(sockaddr_un, sun_path) + text.size() + (is_path() ? 1 : 0);
  raw_bytes_ = static_cast<unsigned>(bytes);
}

SocketAddress SocketAddress::fresh() {
  std::string text = "@forebay-";
  const AuthKey::Nonce random = AuthKey::fresh_nonce();
  for (std::size_t i = 0; i < 16; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[std::to_integer<std::size_t>(random[i] >> 4)];
    text += digits[std::to_integer<std::size_t>(random[i] & std::byte{15})];
  }
  return SocketAddress(text);
}

}  // namespace forebay::detail
