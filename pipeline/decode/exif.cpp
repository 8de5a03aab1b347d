#include "pipeline/decode/exif.h"

namespace forebay {
namespace {

/// Reads numbers of either byte order within bounds; 0 beyond them.
class TiffReader {
 public:
  TiffReader(std::span<const std::byte> block, bool little) noexcept : block_(block), little_(little) {}

  [[nodiscard]] std::uint32_t number(std::size_t offset, std::size_t bytes) const noexcept {
    if (offset > block_.size() || bytes > block_.size() - offset) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::size_t at = little_ ? offset + bytes - 1 - i : offset + i;
      value = value << 8U | std::to_integer<std::uint32_t>(block_[at]);
    }
    return value;
  }

 private:
  std::span<const std::byte> block_;
  bool little_;
};

}  // namespace

std::uint8_t exif_orientation(std::span<const std::byte> block) noexcept {
  if (block.size() < 8) return 1;
  const bool little = block[0] == std::byte{'I'} && block[1] == std::byte{'I'};
  const bool big = block[0] == std::byte{'M'} && block[1] == std::byte{'M'};
  if (!little && !big) return 1;
  const TiffReader reader(block, little);
  if (reader.number(2, 2) != 42) return 1;
  const std::size_t directory = reader.number(4, 4);
  const std::uint32_t entries = reader.number(directory, 2);
  constexpr std::size_t entry_bytes = 12;
  constexpr std::uint32_t orientation_tag = 0x0112;
  constexpr std::uint32_t short_type = 3;
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * entry_bytes;
    if (entry + entry_bytes > block.size()) return 1;
    if (reader.number(entry, 2) != orientation_tag) continue;
    if (reader.number(entry + 2, 2) != short_type) return 1;
    const std::uint32_t value = reader.number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<std::uint8_t>(value) : std::uint8_t{1};
  }
  return 1;
}

}  // namespace forebay
