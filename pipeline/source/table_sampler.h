#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/source/done_cursor.h"
#include "pipeline/source/path_table.h"
#include "pipeline/source/sampler.h"
#include "pipeline/source/shuffle.h"

namespace forebay {

/// Goes through a list that is known whole: epochs, shuffled or not, and equal shards. Every sample is
/// computed from its position, so that a run goes on at any of them at once.
class TableSampler final : public Sampler {
 public:
  /// Reads the whole source.
  TableSampler(std::unique_ptr<Source> source, const Sampling& sampling, const DoneItems& done);

  [[nodiscard]] std::optional<Sample> next() override;
  void interrupt() noexcept override {}
  [[nodiscard]] std::optional<std::uint64_t> size_hint() const override;
  [[nodiscard]] std::vector<std::uint64_t> epoch_sizes() const override;
  [[nodiscard]] std::string note() const override { return note_; }

 private:
  /// Precondition: position is of the plan. Positions may come in any order.
  [[nodiscard]] Sample sample_at(std::uint64_t position);
  [[nodiscard]] std::uint64_t end() const noexcept;

  Sampling sampling_;
  PathTable table_;
  std::string note_;
  DoneCursor done_;
  std::uint64_t epoch_items_;
  std::optional<Shuffle> shuffle_;  // of shuffled_epoch_
  std::uint64_t shuffled_epoch_ = 0;
  std::uint64_t position_ = 0;  // of the next sample
};

}  // namespace forebay
