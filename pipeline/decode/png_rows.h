#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pipeline/decode/png_chunks.h"

namespace forebay {

/// The rows of one PNG picture: how long they are, and what RGB Pillow makes of them. Sub-byte greys are
/// scaled, 16-bit grey is clipped to 255 (mode I), 16-bit colours lose their low byte, alpha is dropped.
/// Immutable.
class PngRows {
 public:
  PngRows(const PngHeader& header, std::span<const std::byte> palette) noexcept;

  /// Bytes of a row of so many pixels.
  [[nodiscard]] std::size_t bytes_of(std::uint32_t pixels) const noexcept {
    return (std::size_t{pixels} * bits_ + 7) / 8;
  }
  /// Bytes between a sample and that of the pixel to the left, for the filters.
  [[nodiscard]] std::size_t step() const noexcept { return (bits_ + 7) / 8; }
  /// The samples are the RGB bytes already.
  [[nodiscard]] bool are_rgb8() const noexcept { return header_.colour == 2 && header_.depth == 8; }

  /// Pixels [first, first + count) of a row of raw samples (big-endian, sub-byte samples packed) as RGB.
  void write(const std::uint8_t* raw, std::uint32_t first, std::uint32_t count,
             std::uint8_t* out) const noexcept;

 private:
  [[nodiscard]] std::uint8_t sample(const std::uint8_t* raw, std::uint32_t x) const noexcept;
  void write_grey(const std::uint8_t* raw, std::uint32_t first, std::uint32_t count,
                  std::uint8_t* out) const noexcept;

  PngHeader header_;
  std::size_t bits_;  // of a pixel
  std::array<std::uint8_t, 768> palette_{};
};

}  // namespace forebay
