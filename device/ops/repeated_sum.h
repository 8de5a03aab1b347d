#pragma once

#include <cstdint>

namespace forebay {

/// `sum` after adding `step` to it `count` times, each addition rounded to double: the bits of the loop, in
/// time that grows with the logarithm of `count`. Within one binade every addition adds the same multiple of
/// the last place, so whole binades are crossed at once. Both numbers are positive and finite. Pure.
[[nodiscard]] double repeated_sum(double sum, double step, std::uint64_t count) noexcept;

}  // namespace forebay
