#include "device/ops/repeated_sum.h"

#include <algorithm>
#include <cmath>

namespace forebay {

double repeated_sum(double sum, double step, std::uint64_t count) noexcept {
  while (count > 0) {
    const int binade = std::ilogb(sum);
    sum += step;
    --count;
    // A step that lies half-way between two multiples of the last place rounds to even, up or down: only
    // behind one addition within the binade is the sum even for good, and the increment constant.
    if (std::ilogb(sum) != binade) continue;
    const double increment = (sum + step) - sum;
    if (increment <= 0.0) return sum;  // too small to move it, now and for ever
    // Two short of the binade's end, so that no sum on the way is rounded to the next one's coarser places.
    const double room = std::floor((std::ldexp(1.0, binade + 1) - sum) / increment) - 2.0;
    if (room < 1.0) continue;
    const std::uint64_t jump = room < 0x1p62 ? std::min(count, static_cast<std::uint64_t>(room)) : count;
    sum += static_cast<double>(jump) *
           increment;  // exact: both are multiples of one last place below 2^53 of them
    count -= jump;
  }
  return sum;
}

}  // namespace forebay
