#include "pipeline/sink/commit_frame.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>

#include "host/codec/decoder.h"
#include "host/codec/encoder.h"

namespace forebay {

static_assert(std::endian::native == std::endian::little, "the log's numbers are little endian");

namespace {

using Words = std::array<std::uint32_t, 3>;

std::uint32_t crc_of(std::span<const std::byte> bytes, std::uint32_t crc) {
  return static_cast<std::uint32_t>(
      ::crc32_z(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

std::uint32_t frame_crc(std::span<const std::byte> payload, std::uint64_t offset, std::uint32_t log_id) {
  const std::array<std::uint64_t, 3> place{offset, payload.size(), log_id};
  return crc_of(payload, crc_of(std::as_bytes(std::span(place)), 0));
}

/// `count` words at an offset; zeros, which are no magic, where the file ends before.
Words words_at(const InputFile& file, std::uint64_t offset, std::size_t count) {
  Words words{};
  const auto bytes = std::as_writable_bytes(std::span(words)).first(count * sizeof(std::uint32_t));
  if (file.read_into(bytes, offset) < bytes.size()) words = {};
  return words;
}

}  // namespace

std::uint32_t commit_log_id(std::string_view manifest) noexcept {
  return crc_of(std::as_bytes(std::span(manifest)), 1);
}

std::vector<std::byte> make_commit_frame(std::span<const std::byte> payload, std::uint64_t offset,
                                         std::uint32_t log_id) {
  Encoder out = Encoder::without_descriptors();
  const auto length = static_cast<std::uint32_t>(payload.size());
  out.write_plain(CommitFrame::head_magic);
  out.write_plain(length);
  out.write(payload.data(), payload.size());
  out.write_plain(frame_crc(payload, offset, log_id));
  out.write_plain(length);
  out.write_plain(CommitFrame::tail_magic);
  return std::move(out.take().bytes);
}

std::optional<CommitFrame> commit_frame_at(const InputFile& file, std::uint64_t begin, std::uint32_t log_id) {
  const Words head = words_at(file, begin, 2);
  if (head[0] != CommitFrame::head_magic) return std::nullopt;
  const std::uint64_t end = begin + CommitFrame::frame_bytes + head[1];
  return end <= file.size() ? commit_frame_before(file, end, log_id) : std::nullopt;
}

std::optional<CommitFrame> commit_frame_before(const InputFile& file, std::uint64_t end,
                                               std::uint32_t log_id) {
  if (end < CommitFrame::frame_bytes) return std::nullopt;
  const auto [crc, length, magic] = words_at(file, end - CommitFrame::tail_bytes, 3);
  if (magic != CommitFrame::tail_magic || length > end - CommitFrame::frame_bytes) return std::nullopt;
  CommitFrame frame;
  frame.begin = end - CommitFrame::frame_bytes - length;
  frame.end = end;
  const Words head = words_at(file, frame.begin, 2);
  if (head[0] != CommitFrame::head_magic || head[1] != length) return std::nullopt;
  frame.payload = file.read(frame.begin + CommitFrame::head_bytes, length);
  if (frame.payload.size() != length || frame_crc(frame.payload, frame.begin, log_id) != crc)
    return std::nullopt;
  return frame;
}

std::optional<CommitFrame> newest_commit_frame(const InputFile& file, std::uint64_t first, std::uint64_t end,
                                               std::uint32_t log_id) {
  // What follows the last frame is at most a part of one more, mostly nothing: then this is the first look.
  if (std::optional<CommitFrame> frame = commit_frame_before(file, end, log_id);
      frame && frame->begin >= first) {
    return frame;
  }
  constexpr std::uint64_t window_bytes = std::uint64_t{64} << 10U;
  constexpr auto magic = std::bit_cast<std::array<std::byte, 4>>(CommitFrame::tail_magic);
  end = std::min(end, file.size());
  while (end >= first + CommitFrame::frame_bytes) {
    const std::uint64_t begin = end - std::min(end - first, window_bytes);
    const std::vector<std::byte> window = file.read(begin, static_cast<std::size_t>(end - begin));
    for (std::size_t at = window.size() - magic.size() + 1; at-- > 0;) {
      if (!std::equal(magic.begin(), magic.end(), window.data() + at)) continue;
      std::optional<CommitFrame> frame = commit_frame_before(file, begin + at + magic.size(), log_id);
      if (frame && frame->begin >= first) return frame;
    }
    if (begin == first) break;
    end = begin + magic.size() - 1;  // a magic may lie across the border
  }
  return std::nullopt;
}

}  // namespace forebay
