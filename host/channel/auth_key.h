#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace forebay {

/// A secret that two processes share, so that each can prove to the other that it has it: Python's authkey.
/// The key itself never travels. Immutable, so safe to share between threads.
class AuthKey {
 public:
  static constexpr std::size_t bytes = 32;
  /// What cannot be made without the key: HMAC-SHA256 of a message.
  using Proof = std::array<std::byte, bytes>;
  /// Random bytes that are used once, so that no proof can be shown again.
  using Nonce = std::array<std::byte, bytes>;

  /// Throws Error(usage) for an empty key: it would prove nothing. Without a key, give none.
  explicit AuthKey(std::span<const std::byte> secret);
  explicit AuthKey(std::string_view secret);

  /// The HMAC of `role` and then `message`. The role keeps a proof of one side from being taken for the
  /// other's. Throws Error(environment).
  [[nodiscard]] Proof prove(std::string_view role, std::span<const std::byte> message) const;
  /// Whether a proof is that. Takes as long for a wrong one as for the right one.
  [[nodiscard]] bool proves(std::span<const std::byte, bytes> proof, std::string_view role,
                            std::span<const std::byte> message) const;

  /// Throws Error(environment).
  [[nodiscard]] static Nonce fresh_nonce();

 private:
  std::vector<std::byte> secret_;
};

}  // namespace forebay
