#include "host/channel/auth_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <cerrno>
#include <limits>
#include <string>

#include "host/error.h"

namespace forebay {

AuthKey::AuthKey(std::span<const std::byte> secret) : secret_(secret.begin(), secret.end()) {
  if (secret.empty() || secret.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw Error(ErrorCode::usage,
                "an authentication key of " + std::to_string(secret.size()) +
                    " bytes proves nothing; give some random bytes, or no key to go without");
  }
}

AuthKey::AuthKey(std::string_view secret) : AuthKey(std::as_bytes(std::span(secret))) {}

AuthKey::Proof AuthKey::prove(std::string_view role, std::span<const std::byte> message) const {
  std::vector<std::byte> text;
  const auto role_bytes = std::as_bytes(std::span(role));
  text.insert(text.end(), role_bytes.begin(), role_bytes.end());
  text.insert(text.end(), message.begin(), message.end());
  Proof proof{};
  unsigned size = 0;
  if (::HMAC(::EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(),
             reinterpret_cast<unsigned char*>(proof.data()), &size) == nullptr ||
      size != proof.size()) {
    throw Error(ErrorCode::environment, "libcrypto cannot compute an HMAC-SHA256; is it installed whole?");
  }
  return proof;
}

bool AuthKey::proves(std::span<const std::byte, bytes> proof, std::string_view role,
                     std::span<const std::byte> message) const {
  const Proof right = prove(role, message);
  return ::CRYPTO_memcmp(proof.data(), right.data(), right.size()) == 0;
}

AuthKey::Nonce AuthKey::fresh_nonce() {
  Nonce nonce{};
  while (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
    if (errno != EINTR) throw os_error(errno, "cannot draw random bytes");
  }
  return nonce;
}

}  // namespace forebay
