#pragma once

#include <cstddef>
#include <cstdint>

namespace forebay {

inline constexpr std::uint8_t png_filter_max = 4;

/// Undoes a PNG filter: `raw` (as inflated) and `prior` (the row above, undone; zeros above the first) become
/// `out`. `bytes` a row, `step` bytes a pixel (1 to 8). `out` may be neither of the two. Returns false for a
/// filter that PNG does not know.
[[nodiscard]] bool undo_png_filter(std::uint8_t filter, const std::uint8_t* raw, const std::uint8_t* prior,
                                   std::size_t bytes, std::size_t step, std::uint8_t* out) noexcept;

}  // namespace forebay
