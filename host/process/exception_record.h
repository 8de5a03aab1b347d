#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/process/remote_error.h"

namespace forebay {

/// Whose number an exception's code is.
enum class CodeFamily : std::uint8_t {
  none,
  generic,   ///< std::generic_category()
  system,    ///< std::system_category()
  iostream,  ///< std::iostream_category()
  future,    ///< std::future_errc
  unknown,   ///< an error category that the other process may not have
  regex,     ///< std::regex_constants::error_type
  forebay,   ///< ErrorCode
  last = forebay
};

/// One exception as it crosses processes.
struct ExceptionRecord {
  RemoteInfo info;
  CodeFamily family = CodeFamily::none;
  std::int32_t code = 0;
  std::string path1;  ///< of a filesystem_error
  std::string path2;
};

/// Cuts `text` to at most `bytes_max` bytes and a mark that tells its full length, where it is longer. Does
/// not cut through a UTF-8 character.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t bytes_max);

/// An exception and its causes, outermost first, as bytes: per record the fields in the order of the struct,
/// numbers little-endian, texts and lists with their length before them.
[[nodiscard]] std::vector<std::byte> write_records(const std::vector<ExceptionRecord>& records);

/// Reads that back. Nothing where the bytes are anything else, or above a limit.
[[nodiscard]] std::optional<std::vector<ExceptionRecord>> read_records(std::span<const std::byte> bytes);

}  // namespace forebay
