#include <algorithm>
#include <cmath>

#include "device/ops/philox.h"
#include "device/ops/prepare.h"

namespace forebay {
namespace {

/// Numbers of the operators that draw random numbers: part of the reproducible key, never to be changed.
constexpr std::uint32_t crop_operation = 1;
constexpr std::uint32_t flip_operation = 2;

/// torchvision CenterCrop for one axis: where the crop begins in the resized picture. Smaller pictures are
/// padded first
/// ((crop - size) // 2 in front); otherwise int(round((size - crop) / 2.0)), and Python rounds half to even.
std::int64_t center_crop_begin(std::uint64_t resized, std::int64_t crop) {
  const auto size = static_cast<std::int64_t>(resized);
  if (crop > size) return -((crop - size) / 2);
  return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(size - crop) / 2.0));
}

struct Sizes {
  std::uint64_t width;
  std::uint64_t height;
};

/// torchvision Resize(int): the shorter edge becomes `size`, the longer int(size * long / short).
Sizes resized_sizes(std::uint32_t width, std::uint32_t height, std::uint32_t size) {
  const std::uint32_t shorter = std::min(width, height);
  const std::uint32_t longer = std::max(width, height);
  if (shorter == size) return {width, height};
  const double exact = static_cast<double>(std::uint64_t{size} * longer) / shorter;
  const auto new_long = static_cast<std::uint64_t>(exact);
  return width <= height ? Sizes{size, new_long} : Sizes{new_long, size};
}

struct Box {
  std::uint32_t x;
  std::uint32_t y;
  std::uint32_t width;
  std::uint32_t height;
};

/// torchvision RandomResizedCrop.get_params: ten attempts at a random area and aspect ratio, then the central
/// crop of the nearest allowed ratio.
Box random_resized_box(const PrepareOptions& options, std::uint64_t item, std::uint32_t width,
                       std::uint32_t height) {
  constexpr double ratio_min = 3.0 / 4.0;
  constexpr double ratio_max = 4.0 / 3.0;
  ItemRandom random(options.seed, options.epoch, item, crop_operation);
  const double area = static_cast<double>(width) * height;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * (0.08 + random.uniform() * (1.0 - 0.08));
    const double ratio =
        std::exp(std::log(ratio_min) + random.uniform() * (std::log(ratio_max) - std::log(ratio_min)));
    const auto w = static_cast<std::int64_t>(std::nearbyint(std::sqrt(target * ratio)));
    const auto h = static_cast<std::int64_t>(std::nearbyint(std::sqrt(target / ratio)));
    if (w <= 0 || w > width || h <= 0 || h > height) continue;
    const auto y = static_cast<std::uint32_t>(random.uniform() * static_cast<double>(height - h + 1));
    const auto x = static_cast<std::uint32_t>(random.uniform() * static_cast<double>(width - w + 1));
    return {x, y, static_cast<std::uint32_t>(w), static_cast<std::uint32_t>(h)};
  }
  const double in_ratio = static_cast<double>(width) / height;
  Box box{0, 0, width, height};
  if (in_ratio < ratio_min) {
    box.height = std::min(height, static_cast<std::uint32_t>(std::nearbyint(width / ratio_min)));
  } else if (in_ratio > ratio_max) {
    box.width = std::min(width, static_cast<std::uint32_t>(std::nearbyint(height * ratio_max)));
  }
  box.x = (width - box.width) / 2;
  box.y = (height - box.height) / 2;
  return box;
}

}  // namespace

PreparePlan plan_prepare(const PrepareOptions& options, std::uint64_t item, std::uint32_t width,
                         std::uint32_t height) noexcept {
  PreparePlan plan;
  plan.horizontal.filter = plan.vertical.filter = options.filter;
  plan.horizontal.outputs = plan.vertical.outputs = options.crop;
  if (options.augment == Augment::train) {
    const Box box = random_resized_box(options, item, width, height);
    plan.horizontal.box_begin = box.x;
    plan.horizontal.box_size = box.width;
    plan.vertical.box_begin = box.y;
    plan.vertical.box_size = box.height;
    plan.horizontal.resized = plan.vertical.resized = options.crop;
    plan.horizontal.mirror = ItemRandom(options.seed, options.epoch, item, flip_operation).uniform() < 0.5;
  } else {
    const Sizes resized = resized_sizes(width, height, options.resize);
    plan.horizontal.box_size = width;
    plan.vertical.box_size = height;
    plan.horizontal.resized = resized.width;
    plan.vertical.resized = resized.height;
    plan.horizontal.crop_begin = center_crop_begin(resized.width, options.crop);
    plan.vertical.crop_begin = center_crop_begin(resized.height, options.crop);
  }
  const AxisSpan x = needed_span(plan.horizontal);
  const AxisSpan y = needed_span(plan.vertical);
  plan.needed = {x.begin, y.begin, x.size, y.size};
  return plan;
}

}  // namespace forebay
