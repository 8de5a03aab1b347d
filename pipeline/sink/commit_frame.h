#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "pipeline/sink/input_file.h"

namespace forebay {

/// What lies around each payload of commit.log, little endian:
///
///     head magic, length  |  payload  |  CRC-32, length, tail magic      (each word 4 bytes)
///
/// The length stands on both sides, so that frames can be walked from either end. The CRC covers the place in
/// the file and the log's identity as well: a frame that lies elsewhere, or is another log's, is not good.
/// Both magics begin with a byte that no UTF-8 text has, so that no text of a payload looks like one.
struct CommitFrame {
  static constexpr std::uint32_t head_magic = 0x314246FE;  // FE 'F' 'B' '1'
  static constexpr std::uint32_t tail_magic = 0x317466FE;  // FE 'f' 't' '1'
  static constexpr std::size_t head_bytes = 8;
  static constexpr std::size_t tail_bytes = 12;
  static constexpr std::size_t frame_bytes = head_bytes + tail_bytes;

  std::uint64_t begin = 0;  ///< in the file
  std::uint64_t end = 0;
  std::vector<std::byte> payload;
};

/// The identity of the log that begins with this manifest, whose own frame has none: 0.
[[nodiscard]] std::uint32_t commit_log_id(std::string_view manifest) noexcept;

/// The whole frame of a payload that is to lie at `offset` of the log.
[[nodiscard]] std::vector<std::byte> make_commit_frame(std::span<const std::byte> payload,
                                                       std::uint64_t offset, std::uint32_t log_id);

/// The good frame that begins, or ends, at this offset; nothing where there is none. Throws Error(io).
[[nodiscard]] std::optional<CommitFrame> commit_frame_at(const InputFile& file, std::uint64_t begin,
                                                         std::uint32_t log_id);
[[nodiscard]] std::optional<CommitFrame> commit_frame_before(const InputFile& file, std::uint64_t end,
                                                             std::uint32_t log_id);

/// The newest good frame within [first, end): looks for tail magics from the end on, whatever lies between.
/// Throws Error(io).
[[nodiscard]] std::optional<CommitFrame> newest_commit_frame(const InputFile& file, std::uint64_t first,
                                                             std::uint64_t end, std::uint32_t log_id);

}  // namespace forebay
