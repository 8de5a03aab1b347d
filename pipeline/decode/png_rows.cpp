#include "pipeline/decode/png_rows.h"

#include "device/ops/image_view.h"

namespace forebay {
namespace {

std::size_t channels_of(std::uint8_t colour) noexcept {
  switch (colour) {
    case 2: return 3;
    case 4: return 2;
    case 6: return 4;
    default: return 1;
  }
}

}  // namespace

PngRows::PngRows(const PngHeader& header, std::span<const std::byte> palette) noexcept
    : header_(header), bits_(channels_of(header.colour) * header.depth) {
  for (std::uint32_t i = 0; i < 256; ++i) {
    for (std::uint32_t channel = 0; channel < rgb_bytes; ++channel) {
      // Beyond the palette, or without one, Pillow's is a grey ramp.
      const std::size_t at = std::size_t{i} * rgb_bytes + channel;
      palette_[at] = i < palette.size() / rgb_bytes ? std::to_integer<std::uint8_t>(palette[at])
                                                    : static_cast<std::uint8_t>(i);
    }
  }
}

void PngRows::write(const std::uint8_t* raw, std::uint32_t first, std::uint32_t count,
                    std::uint8_t* out) const noexcept {
  const std::size_t sample_bytes = header_.depth == 16 ? 2 : 1;  // the high byte is what counts
  const std::uint8_t* from = raw + first * channels_of(header_.colour) * sample_bytes;
  const std::uint32_t end = first + count;
  switch (header_.colour) {
    case 0: return write_grey(raw, first, count, out);
    case 3:
      for (std::uint32_t x = first; x < end; ++x, out += rgb_bytes) {
        const std::uint8_t* entry = palette_.data() + std::size_t{sample(raw, x)} * rgb_bytes;
        for (std::size_t channel = 0; channel < rgb_bytes; ++channel) out[channel] = entry[channel];
      }
      return;
    case 4:
      for (std::uint32_t x = first; x < end; ++x, out += rgb_bytes, from += 2 * sample_bytes) {
        out[0] = out[1] = out[2] = from[0];
      }
      return;
    default:
      const std::size_t pixel_bytes = bits_ / 8;
      for (std::uint32_t x = first; x < end; ++x, out += rgb_bytes, from += pixel_bytes) {
        for (std::size_t channel = 0; channel < rgb_bytes; ++channel)
          out[channel] = from[channel * sample_bytes];
      }
  }
}

void PngRows::write_grey(const std::uint8_t* raw, std::uint32_t first, std::uint32_t count,
                         std::uint8_t* out) const noexcept {
  const std::uint32_t depth = header_.depth;
  const std::uint32_t scale = depth >= 8 ? 1U : 255U / ((1U << depth) - 1);
  for (std::uint32_t x = first; x < first + count; ++x, out += rgb_bytes) {
    std::uint32_t value = 0;
    if (depth == 16) {
      const std::uint8_t* big_endian = raw + 2 * std::size_t{x};
      value = big_endian[0] != 0 ? 255 : big_endian[1];
    } else {
      value = sample(raw, x) * scale;
    }
    out[0] = out[1] = out[2] = static_cast<std::uint8_t>(value);
  }
}

std::uint8_t PngRows::sample(const std::uint8_t* raw, std::uint32_t x) const noexcept {
  const std::uint32_t depth = header_.depth;
  if (depth == 8) return raw[x];
  const std::uint32_t per_byte = 8 / depth;
  const std::uint32_t shift = 8 - depth * (x % per_byte + 1);
  return static_cast<std::uint8_t>(raw[x / per_byte] >> shift & ((1U << depth) - 1));
}

}  // namespace forebay
