#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "device/ops/finish.h"
#include "device/tensor_view.h"

namespace forebay {

/// The first results of a run as a person would want to see them: de-normalised and scaled to tiles, eight in
/// a row, written as contact_sheet.png. Holds small tiles, not rows. Not thread-safe.
class ContactSheet {
 public:
  static constexpr std::size_t tiles_max = 64;
  static constexpr std::uint32_t columns_max = 8;
  static constexpr std::uint32_t tile_pixels_min = 32;
  static constexpr std::uint32_t tile_pixels_max = 128;
  static constexpr std::uint32_t gap_pixels = 4;

  /// `finish` says how the rows were made, and so how to undo it.
  explicit ContactSheet(const FinishOptions& finish);

  /// Takes rows of a contiguous host tensor [rows, 3, height, width] or [rows, height, width, 3], of the type
  /// and layout given, until there are tiles_max.
  void add(const TensorView& rows);

  [[nodiscard]] bool full() const noexcept { return tiles_.size() == tiles_max; }
  [[nodiscard]] std::size_t tiles() const noexcept { return tiles_.size(); }

  /// The sheet as a PNG; empty if there is no tile. Throws Error(no_memory | io).
  [[nodiscard]] std::vector<std::byte> png() const;

 private:
  using Pixels = std::vector<std::uint8_t>;  // RGB, interleaved

  [[nodiscard]] Pixels picture_of(const std::byte* row) const;
  [[nodiscard]] Pixels tile_of(const Pixels& picture) const;

  FinishOptions finish_;
  std::uint32_t tile_width_;
  std::uint32_t tile_height_;
  std::vector<Pixels> tiles_;
};

}  // namespace forebay
