#include "pipeline/decode/png_metadata.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace forebay {
namespace {

using Contents = std::span<const std::byte>;

constexpr std::size_t text_bytes_max = std::size_t{1} << 20U;       // PngImagePlugin.MAX_TEXT_CHUNK
constexpr std::uint64_t all_texts_bytes_max = 64 * text_bytes_max;  // MAX_TEXT_MEMORY
constexpr const char* text_too_large = "a compressed text or profile is larger than 1 MiB";

std::uint32_t big_endian(Contents contents, std::size_t at) {
  std::uint32_t value = 0;
  for (const std::byte byte : contents.subspan(at, 4))
    value = value << 8U | std::to_integer<std::uint32_t>(byte);
  return value;
}

/// What lies before and behind the first zero; nothing where there is none.
std::optional<std::pair<Contents, Contents>> split(Contents contents) {
  const auto zero = std::find(contents.begin(), contents.end(), std::byte{0});
  if (zero == contents.end()) return std::nullopt;
  const auto length = static_cast<std::size_t>(zero - contents.begin());
  return std::pair(contents.first(length), contents.subspan(length + 1));
}

struct Inflated {
  bool too_large = false;  ///< input is left when text_bytes_max bytes have come out
  bool valid = false;
  std::size_t bytes = 0;
};

/// As _safe_zlib_decompress.
Inflated inflate_text(Contents compressed) {
  const auto out = std::make_unique_for_overwrite<Bytef[]>(text_bytes_max);
  z_stream stream{};
  if (::inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = out.get();
  stream.avail_out = static_cast<uInt>(text_bytes_max);
  const int result = ::inflate(&stream, Z_SYNC_FLUSH);
  Inflated inflated;
  inflated.bytes = text_bytes_max - stream.avail_out;
  inflated.valid = result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END;
  inflated.too_large = inflated.valid && result != Z_STREAM_END && stream.avail_in > 0;
  ::inflateEnd(&stream);
  return inflated;
}

bool is_known(std::uint8_t depth, std::uint8_t colour) {
  switch (colour) {
    case 0: return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
    case 3: return depth == 1 || depth == 2 || depth == 4 || depth == 8;
    case 2:
    case 4:
    case 6: return depth == 8 || depth == 16;
    default: return false;
  }
}

const char* check_profile(Contents contents) {
  const auto parts = split(contents);
  if (!parts) return "the iCCP chunk has no profile name";
  return inflate_text(parts->second.subspan(std::min<std::size_t>(1, parts->second.size()))).too_large
             ? text_too_large
             : nullptr;
}

}  // namespace

const char* PngMetadata::read(std::string_view type, Contents contents) {
  const std::size_t length = contents.size();
  if (type == "IHDR") return read_header(contents);
  if (type == "PLTE") return read_palette(contents);
  if (type == "tRNS") return check_transparency(contents);
  if (type == "iCCP") return check_profile(contents);
  if (type == "tEXt" || type == "zTXt" || type == "iTXt") return check_text(type, contents);
  if (type == "gAMA") return length < 4 ? "the gAMA chunk is cut off" : nullptr;
  if (type == "cHRM") return length % 4 != 0 ? "the cHRM chunk is cut off" : nullptr;
  if (type == "sRGB") return length < 1 ? "the sRGB chunk is cut off" : nullptr;
  if (type == "pHYs") return length < 9 ? "the pHYs chunk is cut off" : nullptr;
  if (type == "acTL") return read_animation(contents);
  if (type == "fcTL") return read_frame(contents);
  if (type == "fdAT")
    return length < 4 ? "the fdAT chunk is cut off" : read_sequence(big_endian(contents, 0));
  if (type == "eXIf") exif_ = contents;
  return nullptr;
}

const char* PngMetadata::read_header(Contents contents) {
  constexpr std::size_t header_bytes = 13;
  if (contents.size() < header_bytes) return "the header is cut off";
  const auto byte = [contents](std::size_t at) { return std::to_integer<std::uint8_t>(contents[at]); };
  header_.width = big_endian(contents, 0);
  header_.height = big_endian(contents, 4);
  if (is_known(byte(8), byte(9))) {
    header_.depth = byte(8);
    header_.colour = byte(9);
    has_mode_ = true;
  }
  if (byte(12) != 0) header_.interlaced = true;
  return byte(11) != 0 ? "the header names an unknown filter method" : nullptr;
}

const char* PngMetadata::read_palette(Contents contents) {
  if (!has_mode_ || header_.colour != 3) return nullptr;
  palette_ = contents;
  return nullptr;
}

const char* PngMetadata::check_at_data() const noexcept {
  constexpr std::size_t entries_max = 256;
  if (palette_.size() / 3 > entries_max) return "the palette has more than 256 colours";
  return frame_fills_ ? nullptr : "the first frame does not fill the picture";
}

const char* PngMetadata::check_transparency(Contents contents) const {
  const std::size_t needed = !has_mode_ ? 0 : header_.colour == 0 ? 2 : header_.colour == 2 ? 6 : 0;
  return contents.size() < needed ? "the tRNS chunk is cut off" : nullptr;
}

const char* PngMetadata::count_text(std::size_t bytes) {
  text_bytes_ += bytes;
  return text_bytes_ > all_texts_bytes_max ? "the texts take more than 64 MiB" : nullptr;
}

const char* PngMetadata::check_text(std::string_view type, Contents contents) {
  const auto parts = split(contents);
  Contents key = parts ? parts->first : contents;
  Contents value = parts ? parts->second : Contents{};
  if (type == "tEXt") return key.empty() ? nullptr : count_text(value.size());
  if (type == "zTXt") {
    if (!value.empty() && value[0] != std::byte{0}) return "a text is compressed by an unknown method";
    const Inflated text = inflate_text(value.empty() ? value : value.subspan(1));
    if (text.too_large) return text_too_large;
    return key.empty() || !text.valid ? nullptr : count_text(text.bytes);
  }
  if (value.size() < 2) return nullptr;
  const bool compressed = value[0] != std::byte{0};
  const bool known_method = value[1] == std::byte{0};
  const auto language = split(value.subspan(2));
  const auto translated = language ? split(language->second) : std::nullopt;
  if (!translated || (compressed && !known_method)) return nullptr;
  if (!compressed) return count_text(translated->second.size());
  const Inflated text = inflate_text(translated->second);
  if (text.too_large) return text_too_large;
  return text.valid ? count_text(text.bytes) : nullptr;
}

const char* PngMetadata::read_animation(Contents contents) {
  constexpr std::uint32_t frames_max = 0x80000000;
  if (contents.size() < 8) return "the acTL chunk is cut off";
  if (std::exchange(has_animation_, false)) {
    frames_ = 1;
    return nullptr;
  }
  const std::uint32_t frames = big_endian(contents, 0);
  if (frames == 0 || frames > frames_max) return nullptr;
  has_animation_ = true;
  frames_ = frames;
  return nullptr;
}

const char* PngMetadata::read_sequence(std::uint32_t number) {
  if (sequence_ < 0 || sequence_ + 1 != number) return "the frames are numbered wrongly";
  sequence_ = number;
  return nullptr;
}

const char* PngMetadata::read_frame(Contents contents) {
  constexpr std::size_t frame_bytes = 26;
  if (contents.size() < frame_bytes) return "the fcTL chunk is cut off";
  const std::uint32_t number = big_endian(contents, 0);
  if (sequence_ + 1 != number) return "the frames are numbered wrongly";
  sequence_ = number;
  const auto field = [contents](std::size_t at) -> std::uint64_t { return big_endian(contents, at); };
  frame_fills_ = field(4) == header_.width && field(8) == header_.height;
  const bool fits = field(12) + field(4) <= header_.width && field(16) + field(8) <= header_.height;
  return fits ? nullptr : "a frame lies outside of the picture";
}

}  // namespace forebay
