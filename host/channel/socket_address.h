#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <string_view>

namespace forebay::detail {

/// The address of a Unix socket, as CPython writes it: a path, or an abstract name after a NUL or an '@'
/// (then there is no file, and the name goes with its listener). Immutable.
class SocketAddress {
 public:
  /// Throws Error(usage) for what is none: empty, too long, or an address of TCP.
  explicit SocketAddress(std::string_view text);
  /// An abstract name that nobody can guess or has.
  [[nodiscard]] static SocketAddress fresh();

  [[nodiscard]] bool is_path() const noexcept { return text_.front() != '@'; }
  /// As given, with an '@' for the NUL: for people, and to be given on to others.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] const sockaddr* raw() const noexcept { return reinterpret_cast<const sockaddr*>(&raw_); }
  [[nodiscard]] socklen_t raw_bytes() const noexcept { return raw_bytes_; }

 private:
  std::string text_;
  sockaddr_un raw_{};
  socklen_t raw_bytes_ = 0;
};

}  // namespace forebay::detail
