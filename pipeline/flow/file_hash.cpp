#include "pipeline/flow/file_hash.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iterator>
#include <memory>
#include <vector>

#include "host/error.h"
#include "host/limits.h"
#include "pipeline/decode/item_error.h"
#include "pipeline/source/open_item.h"

namespace forebay {
namespace {

std::optional<FileHash> hash_open_file(int fd) {
  constexpr std::size_t piece_bytes = std::size_t{256} << 10U;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) return std::nullopt;
  std::vector<unsigned char> piece(piece_bytes);
  FileHash hash;
  while (hash.bytes <= limits::encoded_bytes_max) {
    const ssize_t got = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(hash.bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) {
      std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
      unsigned size = 0;
      if (EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1) return std::nullopt;
      for (unsigned i = 0; i < size; ++i)
        fmt::format_to(std::back_inserter(hash.sha256), "{:02x}", digest[i]);
      return hash;
    }
    if (EVP_DigestUpdate(context.get(), piece.data(), static_cast<std::size_t>(got)) != 1)
      return std::nullopt;
    hash.bytes += static_cast<std::uint64_t>(got);
  }
  return std::nullopt;
}

}  // namespace

std::optional<FileHash> hash_file(const std::string& path) {
  try {
    return hash_open_file(open_item(path).get());
  } catch (const ItemFailure&) {
    return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;  // no descriptor left: the evidence goes without
  }
}

}  // namespace forebay
