#include "pipeline/decode/png_chunks.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "pipeline/decode/png_metadata.h"

namespace forebay {
namespace {

constexpr std::size_t signature_bytes = 8;
constexpr std::size_t head_bytes = 8;    // length and type
constexpr std::size_t frame_bytes = 12;  // and the checksum

std::uint32_t big_endian(const std::byte* bytes) {
  return std::to_integer<std::uint32_t>(bytes[0]) << 24U | std::to_integer<std::uint32_t>(bytes[1]) << 16U |
         std::to_integer<std::uint32_t>(bytes[2]) << 8U | std::to_integer<std::uint32_t>(bytes[3]);
}

/// One chunk, within the file.
struct Chunk {
  const char* type;
  std::span<const std::byte> contents;
  std::uint32_t checksum;
  [[nodiscard]] bool is(const char* name) const noexcept { return std::memcmp(type, name, 4) == 0; }
};

/// The chunk at `at`, whole; false where the file ends before.
bool read_chunk(std::span<const std::byte> file, std::size_t at, Chunk& chunk) noexcept {
  if (file.size() < frame_bytes || at > file.size() - frame_bytes) return false;
  const std::size_t length = big_endian(file.data() + at);
  if (length > file.size() - at - frame_bytes) return false;
  chunk.type = reinterpret_cast<const char*>(file.data() + at + 4);
  chunk.contents = file.subspan(at + head_bytes, length);
  chunk.checksum = big_endian(file.data() + at + head_bytes + length);
  return true;
}

bool checksum_holds(const Chunk& chunk) noexcept {
  const auto sum = ::crc32_z(0, reinterpret_cast<const Bytef*>(chunk.type), chunk.contents.size() + 4);
  return sum == chunk.checksum;
}

/// Letters, digits and underscores, as Pillow's pattern has it.
bool type_is_sane(const Chunk& chunk) noexcept {
  return std::all_of(chunk.type, chunk.type + 4, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

PngChunks walk_png_chunks(std::span<const std::byte> file) {
  PngChunks chunks;
  PngMetadata metadata;
  const auto refuse = [&chunks](const char* why) {
    if (chunks.refusal == nullptr) chunks.refusal = why;
  };
  bool animated = false;
  bool meaningful = true;  // Pillow stops reading chunks at one with a mad type, or with the next frame
  Chunk chunk{};
  for (std::size_t at = signature_bytes; read_chunk(file, at, chunk);
       at += frame_bytes + chunk.contents.size()) {
    const bool before_data = chunks.data_at == 0;
    if (chunk.is("IEND")) {
      chunks.has_end = true;
      break;
    }
    if (chunk.is("IDAT")) {
      if (before_data) {  // what comes later does not concern this picture's pixels
        chunks.data_at = at;
        chunks.header = metadata.header();
        chunks.has_header = metadata.has_header();
        chunks.palette = metadata.palette();
        animated = metadata.animated();
        if (const char* why = metadata.check_at_data()) refuse(why);
      }
      continue;
    }
    if (!type_is_sane(chunk)) {
      if (before_data) refuse("a chunk has no type");
      meaningful = false;
    }
    if (!before_data && animated && chunk.is("fcTL")) meaningful = false;
    if (before_data && chunk.is("fdAT")) refuse("a frame's pixels come before the picture's");
    if (!meaningful) continue;
    if (before_data && !checksum_holds(chunk)) refuse("the checksum of a chunk does not match");
    if (const char* why = metadata.read({chunk.type, 4}, chunk.contents)) refuse(why);
  }
  if (chunks.data_at == 0) chunks.header = metadata.header();
  chunks.exif = metadata.exif();
  if (chunks.has_end && chunks.data_at == 0) refuse("there are no pixels");
  return chunks;
}

std::span<const std::byte> PngData::next() noexcept {
  constexpr std::size_t piece_bytes_max = 65536;  // ImageFile.MAXBLOCK
  while (chunk_.empty()) {
    if (file_.size() < head_bytes || at_ > file_.size() - head_bytes) return {};
    if (std::memcmp(file_.data() + at_ + 4, "IDAT", 4) != 0) return {};
    const std::size_t begin = at_ + head_bytes;
    const std::size_t length = big_endian(file_.data() + at_);
    chunk_ =
        file_.subspan(begin, std::min(length, file_.size() - begin));  // of a file that is cut off: the rest
    const std::size_t left = file_.size() - begin;
    at_ = length > left || left - length < 4 ? file_.size() : begin + length + 4;
  }
  const auto piece = chunk_.first(std::min(chunk_.size(), piece_bytes_max));
  chunk_ = chunk_.subspan(piece.size());
  return piece;
}

}  // namespace forebay
