#include "pipeline/decode/png_chunks.h"

#include <zlib.h>

#include <cstring>

namespace forebay {
namespace {

std::uint32_t big_endian(const std::byte* bytes) {
  return std::to_integer<std::uint32_t>(bytes[0]) << 24U | std::to_integer<std::uint32_t>(bytes[1]) << 16U |
         std::to_integer<std::uint32_t>(bytes[2]) << 8U | std::to_integer<std::uint32_t>(bytes[3]);
}

}  // namespace

PngChunks walk_png_chunks(std::span<const std::byte> file) noexcept {
  constexpr std::size_t signature_bytes = 8;
  constexpr std::size_t frame_bytes = 12;  // length, type, checksum
  PngChunks chunks;
  bool before_data = true;
  std::size_t at = signature_bytes;
  while (file.size() >= frame_bytes && at <= file.size() - frame_bytes) {
    const std::size_t length = big_endian(file.data() + at);
    const auto is = [&](const char* type) { return std::memcmp(file.data() + at + 4, type, 4) == 0; };
    if (length > file.size() - at - frame_bytes) return chunks;
    const auto contents = file.subspan(at + 8, length);
    if (is("IEND")) {
      chunks.has_end = true;
      return chunks;
    }
    if (is("IDAT")) before_data = false;
    if (before_data) {
      const auto checksum = ::crc32_z(0, reinterpret_cast<const Bytef*>(file.data() + at + 4), length + 4);
      if (checksum != big_endian(file.data() + at + 8 + length)) chunks.checksums_hold = false;
    }
    if (is("IHDR") && length >= 8) {
      chunks.width = big_endian(contents.data());
      chunks.height = big_endian(contents.data() + 4);
    }
    if (is("eXIf")) chunks.exif = contents;
    if (is("PLTE")) chunks.palette = contents;
    at += frame_bytes + length;
  }
  return chunks;
}

}  // namespace forebay
