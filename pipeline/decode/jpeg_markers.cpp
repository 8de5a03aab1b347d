#include "pipeline/decode/jpeg_markers.h"

#include <cstring>
#include <string_view>

namespace forebay {
namespace {

constexpr std::uint32_t start_of_image = 0xD8;
constexpr std::uint32_t end_of_image = 0xD9;
constexpr std::uint32_t start_of_scan = 0xDA;
constexpr std::uint32_t application_0 = 0xE0;
constexpr std::uint32_t application_1 = 0xE1;

bool is_standalone(std::uint32_t marker) {
  return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);  // TEM, RST0..7, SOI
}

/// Walks the markers of a JPEG file.
class MarkerWalk {
 public:
  explicit MarkerWalk(std::span<const std::byte> file) noexcept : file_(file) {}

  /// Moves to the next marker; nothing at the end of the file. Bytes that are no marker are skipped, as
  /// libjpeg does.
  [[nodiscard]] std::optional<std::uint32_t> next() noexcept {
    while (at_ < file_.size()) {
      const void* found = std::memchr(file_.data() + at_, 0xFF, file_.size() - at_);
      if (found == nullptr) return std::nullopt;
      at_ = static_cast<std::size_t>(static_cast<const std::byte*>(found) - file_.data()) + 1;
      while (at_ < file_.size() && file_[at_] == std::byte{0xFF}) ++at_;  // fill bytes
      if (at_ >= file_.size()) return std::nullopt;
      const auto code = std::to_integer<std::uint32_t>(file_[at_++]);
      if (code != 0) return code;  // FF 00 is a data byte
    }
    return std::nullopt;
  }

  /// The segment's bytes after its length; moves behind it. Empty if it is cut off.
  [[nodiscard]] std::span<const std::byte> segment() noexcept {
    if (file_.size() - at_ < 2) {
      at_ = file_.size();
      return {};
    }
    const std::size_t length =
        std::to_integer<std::size_t>(file_[at_]) << 8U | std::to_integer<std::size_t>(file_[at_ + 1]);
    if (length < 2 || length > file_.size() - at_) {
      at_ = file_.size();
      return {};
    }
    const auto bytes = file_.subspan(at_ + 2, length - 2);
    at_ += length;
    return bytes;
  }

 private:
  std::span<const std::byte> file_;
  std::size_t at_ = 0;
};

}  // namespace

bool jpeg_has_end(std::span<const std::byte> file) noexcept {
  MarkerWalk walk(file);
  while (const auto marker = walk.next()) {
    if (*marker == end_of_image) return true;
    if (!is_standalone(*marker)) static_cast<void>(walk.segment());
  }
  return false;
}

JpegExif jpeg_exif(std::span<const std::byte> file) noexcept {
  const auto begins_with = [](std::span<const std::byte> bytes, std::string_view text) {
    return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
  };
  constexpr std::byte dots_per_inch{1};
  constexpr std::size_t unit_at = 7;
  constexpr std::size_t jfif_bytes_min = 12;
  JpegExif exif;
  MarkerWalk walk(file);
  while (const auto marker = walk.next()) {
    if (*marker == end_of_image || *marker == start_of_scan) return exif;
    if (*marker == start_of_image || is_standalone(*marker)) continue;
    const auto bytes = walk.segment();
    if (*marker == application_0 && begins_with(bytes, "JFIF") && bytes.size() >= jfif_bytes_min &&
        bytes[unit_at] == dots_per_inch) {
      exif.after_density = true;
    }
    if (*marker == application_1 && begins_with(bytes, std::string_view("Exif\0", 5))) {
      exif.block = bytes;
      return exif;
    }
  }
  return exif;
}

}  // namespace forebay
