// The operators behind a C interface, so that a script can compare them with Pillow and torch.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "device/ops/finish.h"
#include "device/ops/prepare.h"
#include "device/ops/resample_passes.h"

using namespace forebay;  // NOLINT(google-build-using-namespace): one small file

namespace {

void run(const PreparePlan& plan, const std::uint8_t* rgb, std::uint32_t width, bool plain,
         std::uint8_t* out) {
  const Region& needed = plan.needed;
  const std::uint32_t crop = plan.horizontal.outputs;
  std::vector<std::int32_t> horizontal_words(resample_table_words(crop, resample_taps(plan.horizontal)));
  std::vector<std::int32_t> vertical_words(resample_table_words(crop, resample_taps(plan.vertical)));
  const ResampleTable horizontal = fill_resample_table(plan.horizontal, needed.x, horizontal_words);
  const ResampleTable vertical = fill_resample_table(plan.vertical, needed.y, vertical_words);
  // An exact copy of the region, so that a read beyond it meets other memory than the picture's.
  const std::size_t row_bytes = std::size_t{needed.width} * rgb_bytes;
  std::vector<std::uint8_t> region(row_bytes * needed.height);
  for (std::size_t y = 0; y < needed.height; ++y) {
    std::copy_n(rgb + ((needed.y + y) * width + needed.x) * rgb_bytes, row_bytes,
                region.data() + y * row_bytes);
  }
  const ImageView view{region.data(), needed.width, needed.height, row_bytes};
  if (!plain) return resample(view, horizontal, vertical, out);
  const std::size_t between_bytes = std::size_t{crop} * rgb_bytes;
  std::vector<std::uint8_t> between(between_bytes * needed.height);
  passes::horizontal_plain(view, horizontal, between.data());
  passes::vertical_plain(between.data(), needed.height, between_bytes, vertical, out);
}

}  // namespace

/// Prepares a whole picture; `plain` != 0 takes the plain passes whatever the processor offers.
extern "C" void bridge_prepare(const std::uint8_t* rgb, std::uint32_t width, std::uint32_t height,
                               std::uint32_t resize, std::uint32_t crop, int filter, int plain,
                               std::uint8_t* out) {
  PrepareOptions options;
  options.resize = resize;
  options.crop = crop;
  options.filter = static_cast<Filter>(filter);
  run(plan_prepare(options, 0, width, height), rgb, width, plain != 0, out);
}

/// Prepares a picture for training; `box` receives x, y, width and height, the result is whether it was
/// flipped.
extern "C" int bridge_train(const std::uint8_t* rgb, std::uint32_t width, std::uint32_t height,
                            std::uint32_t crop, int filter, std::uint32_t item, std::uint32_t* box,
                            std::uint8_t* out) {
  PrepareOptions options;
  options.crop = crop;
  options.filter = static_cast<Filter>(filter);
  options.augment = Augment::train;
  const PreparePlan plan = plan_prepare(options, item, width, height);
  run(plan, rgb, width, false, out);
  box[0] = plan.horizontal.box_begin;
  box[1] = plan.vertical.box_begin;
  box[2] = plan.horizontal.box_size;
  box[3] = plan.vertical.box_size;
  return plan.horizontal.mirror ? 1 : 0;
}

extern "C" void bridge_finish(const std::uint8_t* pixels, std::uint32_t edge, int dtype, int layout,
                              const float* mean, const float* std, void* out) {
  FinishOptions options;
  options.height = options.width = edge;
  options.dtype = static_cast<DType>(dtype);
  options.layout = static_cast<Layout>(layout);
  std::copy_n(mean, 3, options.mean.begin());
  std::copy_n(std, 3, options.std.begin());
  const FinishTable table(options);
  finish_row(options, table, pixels, static_cast<std::byte*>(out));
}
