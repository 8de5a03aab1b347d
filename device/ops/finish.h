#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "device/dtype.h"

namespace forebay {

/// The last operator of a picture batch: convert, normalise and lay out. Plain data: it crosses to the owner.
struct FinishOptions {
  std::uint32_t height = 224;
  std::uint32_t width = 224;
  DType dtype = DType::f32;  ///< u8, f16, bf16 or f32
  Layout layout = Layout::nchw;
  std::array<float, 3> mean{0.485F, 0.456F, 0.406F};
  std::array<float, 3> std{0.229F, 0.224F, 0.225F};
};

/// Bytes of one finished row.
[[nodiscard]] constexpr std::size_t finished_row_bytes(const FinishOptions& options) noexcept {
  return std::size_t{options.height} * options.width * 3 * size_of(options.dtype);
}

/// For each channel and 8-bit value the finished value: value / 255, less mean, divided by std, each step
/// rounded to f32 (torchvision ToTensor, Normalize); f16 and bf16 are its round to nearest even; u8 is the
/// value itself. The bits are the low bits of each word. One table serves every backend: equal bits.
struct FinishTable {
  explicit FinishTable(const FinishOptions& options);
  std::array<std::array<std::uint32_t, 256>, 3> bits;
  bool arithmetic_is_exact = false;  ///< the vector path has been checked to give these bits
};

/// Writes one row: `pixels` is height x width x 3 u8 interleaved; `out` takes finished_row_bytes(options).
/// Reads and writes each byte once; single-threaded; no allocation.
void finish_row(const FinishOptions& options, const FinishTable& table, const std::uint8_t* pixels,
                std::byte* out) noexcept;

/// The same for pixels [first, first + count) of the row only: who must be able to stop within a large row
/// calls it piece by piece.
void finish_part(const FinishOptions& options, const FinishTable& table, const std::uint8_t* pixels,
                 std::size_t first, std::size_t count, std::byte* out) noexcept;

}  // namespace forebay
