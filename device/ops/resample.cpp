#include <vector>

#include "device/ops/prepare.h"
#include "device/ops/resample_passes.h"

namespace forebay {
namespace {

struct Passes {
  void (*horizontal)(const ImageView&, const ResampleTable&, std::uint8_t*);
  void (*vertical)(const std::uint8_t*, std::uint32_t, std::size_t, const ResampleTable&, std::uint8_t*);
};

Passes choose_passes() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return {&passes::horizontal_avx2, &passes::vertical_avx2};
#endif
  return {&passes::horizontal_plain, &passes::vertical_plain};
}

}  // namespace

void resample(const ImageView& region, const ResampleTable& horizontal, const ResampleTable& vertical,
              std::uint8_t* out) {
  if (passes::is_selection(horizontal) && passes::is_selection(vertical)) {
    return passes::select_pixels(region, horizontal, vertical, out);
  }
  static const Passes chosen = choose_passes();
  const std::size_t row_bytes = std::size_t{horizontal.outputs} * rgb_bytes;
  thread_local std::vector<std::uint8_t> between;
  const std::size_t needed = row_bytes * region.height;
  if (between.size() < needed) between.resize(needed);
  chosen.horizontal(region, horizontal, between.data());
  chosen.vertical(between.data(), region.height, row_bytes, vertical, out);
  constexpr std::size_t keep_bytes = std::size_t{16}
                                     << 20U;  // one tall picture must not stay in the footprint
  if (between.size() > keep_bytes) std::vector<std::uint8_t>().swap(between);
}

}  // namespace forebay
