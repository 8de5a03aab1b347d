#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace forebay::detail {

/// The address of a Unix socket, as CPython writes it: a path, or an abstract name after a NUL or an '@'
/// (then there is no file, and the name goes with its listener). Immutable. The system's header is left out:
/// it would bring connect(), bind() and more into every program that includes forebay/host.h.
class SocketAddress {
 public:
  /// Throws Error(usage) for what is none: empty, too long, or an address of TCP.
  explicit SocketAddress(std::string_view text);
  /// An abstract name that nobody can guess or has.
  [[nodiscard]] static SocketAddress fresh();

  [[nodiscard]] bool is_path() const noexcept { return text_.front() != '@'; }
  /// As given, with an '@' for the NUL: for people, and to be given on to others.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// A sockaddr_un, of which so many bytes count.
  [[nodiscard]] const void* raw() const noexcept { return raw_.data(); }
  [[nodiscard]] unsigned raw_bytes() const noexcept { return raw_bytes_; }

 private:
  std::string text_;
  alignas(8) std::array<std::byte, 110> raw_{};
  unsigned raw_bytes_ = 0;
};

}  // namespace forebay::detail
