#include "pipeline/decode/exif.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <string_view>

namespace forebay {
namespace {

using std::string_view_literals::operator""sv;

bool begins_with(std::span<const std::byte> block, std::string_view text) {
  return block.size() >= text.size() &&
         std::equal(text.begin(), text.end(), block.begin(),
                    [](char a, std::byte b) { return static_cast<std::byte>(a) == b; });
}

/// Reads numbers of either byte order within bounds; 0 beyond them.
class TiffReader {
 public:
  TiffReader(std::span<const std::byte> block, bool little) noexcept : block_(block), little_(little) {}

  [[nodiscard]] bool holds(std::uint64_t offset, std::uint64_t bytes) const noexcept {
    return offset <= block_.size() && bytes <= block_.size() - offset;
  }

  [[nodiscard]] std::uint64_t number(std::uint64_t offset, std::size_t bytes) const noexcept {
    if (!holds(offset, bytes)) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::uint64_t at = little_ ? offset + bytes - 1 - i : offset + i;
      value = value << 8U | std::to_integer<std::uint64_t>(block_[at]);
    }
    return value;
  }

 private:
  std::span<const std::byte> block_;
  bool little_;
};

/// Bytes of one value of each TIFF type, 0 for the types that Pillow leaves out.
constexpr std::array<std::uint8_t, 17> type_bytes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8};

/// The value of a numeric type where it is one of 1..8. Bytes and texts are no numbers to Pillow.
std::optional<std::uint8_t> small_number(const TiffReader& reader, std::uint64_t type, std::uint64_t at) {
  constexpr std::uint64_t rational = 5;
  constexpr std::uint64_t signed_rational = 10;
  double value = 0;
  switch (type) {
    case 3:
    case 8: value = static_cast<double>(reader.number(at, 2)); break;  // a negative one is above 8
    case 4:
    case 9:
    case 13: value = static_cast<double>(reader.number(at, 4)); break;
    case 6: value = static_cast<double>(reader.number(at, 1)); break;
    case 16: value = static_cast<double>(reader.number(at, 8)); break;
    case 11: value = std::bit_cast<float>(static_cast<std::uint32_t>(reader.number(at, 4))); break;
    case 12: value = std::bit_cast<double>(reader.number(at, 8)); break;
    case rational:
      value = static_cast<double>(reader.number(at, 4)) / static_cast<double>(reader.number(at + 4, 4));
      break;
    case signed_rational:
      value = static_cast<double>(static_cast<std::int32_t>(reader.number(at, 4))) /
              static_cast<double>(static_cast<std::int32_t>(reader.number(at + 4, 4)));
      break;
    default: return std::nullopt;
  }
  for (std::uint8_t orientation = 1; orientation <= 8; ++orientation) {
    if (value == orientation) return orientation;
  }
  return std::nullopt;
}

std::uint8_t orientation_of(const TiffReader& reader) {
  constexpr std::uint64_t orientation_tag = 0x0112;
  constexpr std::uint64_t entry_bytes = 12;
  const std::uint64_t directory = reader.number(4, 4);
  const std::uint64_t entries = reader.number(directory, 2);
  std::uint8_t orientation = 1;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = directory + 2 + i * entry_bytes;
    if (!reader.holds(entry, entry_bytes)) break;
    const std::uint64_t type = reader.number(entry + 2, 2);
    const std::uint64_t unit = type < type_bytes.size() ? type_bytes[type] : 0;
    const std::uint64_t bytes = reader.number(entry + 4, 4) * unit;
    if (bytes == 0) continue;  // no value, or a type that is none
    constexpr std::uint64_t inline_bytes = 4;
    const std::uint64_t at = bytes > inline_bytes ? reader.number(entry + 8, 4) : entry + 8;
    if (!reader.holds(at, bytes)) break;  // Pillow ends the directory there and keeps what it has
    if (reader.number(entry, 2) == orientation_tag) orientation = small_number(reader, type, at).value_or(1);
  }
  return orientation;
}

}  // namespace

std::span<const std::byte> without_exif_preamble(std::span<const std::byte> block) noexcept {
  constexpr std::string_view preamble = "Exif\0\0"sv;
  return begins_with(block, preamble) ? block.subspan(preamble.size()) : block;
}

ExifOrientation exif_orientation(std::span<const std::byte> block) noexcept {
  if (block.empty()) return {};
  constexpr std::size_t header_bytes = 8;
  // The last two are wrong, but well known. Of BigTIFF Pillow wants a header of 16 bytes and reads 8.
  const bool classic = begins_with(block, "II*\0"sv) || begins_with(block, "MM\0*"sv) ||
                       begins_with(block, "MM*\0"sv) || begins_with(block, "II\0*"sv);
  const bool big = begins_with(block, "MM\0+"sv) || begins_with(block, "II+\0"sv);
  if (!classic && !big) return {.value = 1, .fault = ExifFault::no_tiff};
  if (big || block.size() < header_bytes) return {.value = 1, .fault = ExifFault::cut_short};
  return {.value = orientation_of(TiffReader(block, block[0] == std::byte{'I'}))};
}

}  // namespace forebay
