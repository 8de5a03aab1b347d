#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace forebay {

/// Which items each batch holds, numbered as the flow does: from 0, without gaps, in this run. Batches have a
/// fixed planned size, but none goes beyond the end of its epoch. The plan's end is not known here.
class BatchGrid {
 public:
  /// `epoch_sizes`: see Sampler::epoch_sizes().
  explicit BatchGrid(std::uint32_t batch_items = 1, std::vector<std::uint64_t> epoch_sizes = {});

  /// The first item of the batch, and one past its last.
  [[nodiscard]] std::uint64_t begin(std::uint64_t batch) const noexcept { return place(batch).first; }
  [[nodiscard]] std::uint64_t end(std::uint64_t batch) const noexcept { return place(batch).second; }
  [[nodiscard]] std::uint64_t size(std::uint64_t batch) const noexcept {
    const auto [first, last] = place(batch);
    return last - first;
  }

 private:
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> place(std::uint64_t batch) const noexcept;
  [[nodiscard]] std::uint64_t batches_of(std::uint64_t items) const noexcept {
    return items / batch_items_ + (items % batch_items_ != 0 ? 1 : 0);
  }

  std::uint64_t batch_items_;
  std::vector<std::uint64_t> epoch_sizes_;
};

}  // namespace forebay
