#include "pipeline/flow/batch_grid.h"

namespace forebay {

BatchGrid::BatchGrid(std::uint32_t batch_items, std::vector<std::uint64_t> epoch_sizes)
    : batch_items_(batch_items), epoch_sizes_(std::move(epoch_sizes)) {}

std::pair<std::uint64_t, std::uint64_t> BatchGrid::place(std::uint64_t batch) const noexcept {
  std::uint64_t first = 0;  // of the epoch
  std::uint64_t size = UINT64_MAX;
  for (std::size_t epoch = 0; epoch < epoch_sizes_.size(); ++epoch) {
    size = epoch_sizes_[epoch];
    const std::uint64_t batches = batches_of(size);
    if (epoch + 1 == epoch_sizes_.size()) {
      // The last number holds for all epochs that follow.
      const std::uint64_t epochs = batches == 0 ? 0 : batch / batches;
      first += epochs * size;
      batch -= epochs * batches;
    } else if (batch >= batches) {
      first += size;
      batch -= batches;
    } else {
      break;
    }
  }
  const std::uint64_t begin = std::min(batch * batch_items_, size);
  return {first + begin, first + std::min(size, begin + batch_items_)};
}

}  // namespace forebay
