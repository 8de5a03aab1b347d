#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace forebay {

struct FileHash {
  std::string sha256;  ///< 64 hex digits, as sha256sum prints
  std::uint64_t bytes = 0;
};

/// The SHA-256 (FIPS 180-4) of a file of at most limits::encoded_bytes_max bytes. Nothing where it is larger
/// or cannot be read. Blocks for the read.
[[nodiscard]] std::optional<FileHash> hash_file(const std::string& path);

}  // namespace forebay
