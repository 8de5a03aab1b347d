#pragma once

#include <cstdint>
#include <vector>

#include "device/ops/image_view.h"
#include "device/ops/prepare.h"

namespace forebay {

/// A picture of noise, its plan, its tables and its decoded region: what resample() takes.
struct Picture {
  Picture(std::uint32_t width, std::uint32_t height, const PrepareOptions& options)
      : plan(plan_prepare(options, 0, width, height)),
        horizontal_words(resample_table_words(options.crop, resample_taps(plan.horizontal))),
        vertical_words(resample_table_words(options.crop, resample_taps(plan.vertical))),
        pixels(std::size_t{plan.needed.width} * plan.needed.height * rgb_bytes),
        out(std::size_t{options.crop} * options.crop * rgb_bytes) {
    fill_tables();
    std::uint32_t state = 1;
    for (auto& pixel : pixels) {
      state = state * 1664525U + 1013904223U;  // Numerical Recipes' generator: noise, the same in every run
      pixel = static_cast<std::uint8_t>(state >> 24U);
    }
  }

  void fill_tables() {
    horizontal = fill_resample_table(plan.horizontal, plan.needed.x, horizontal_words);
    vertical = fill_resample_table(plan.vertical, plan.needed.y, vertical_words);
  }

  [[nodiscard]] ImageView view() const {
    return {pixels.data(), plan.needed.width, plan.needed.height, std::size_t{plan.needed.width} * rgb_bytes};
  }

  PreparePlan plan;
  std::vector<std::int32_t> horizontal_words;
  std::vector<std::int32_t> vertical_words;
  ResampleTable horizontal;
  ResampleTable vertical;
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> out;
};

}  // namespace forebay
