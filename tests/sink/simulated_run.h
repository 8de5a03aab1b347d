#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/sink/run_output.h"

namespace forebay::test {

/// A run of small rows whose content follows from their item, every seventh of which is bad and every
/// seventeenth quarantined: the side of a pipeline that RunOutput sees.
class SimulatedRun {
 public:
  explicit SimulatedRun(std::uint64_t items) : items_(items) {}

  [[nodiscard]] static OutputPlan plan();

  /// The batches that are left to do, of `batch` items each, as a pipeline would number them.
  [[nodiscard]] std::vector<std::vector<std::uint64_t>> batches(const DoneItems& done,
                                                                std::size_t batch) const;

  /// A batch of these positions; rows are numbered from `rows`, which moves on.
  [[nodiscard]] Batch make(std::uint64_t sequence, const std::vector<std::uint64_t>& positions,
                           std::uint64_t& rows);

  /// Commits what is left, in order, `batch` items at a time, and completes the run.
  void finish(RunOutput& output, std::size_t batch);

 private:
  std::uint64_t items_;
  std::deque<std::vector<std::uint8_t>> memory_;
};

/// tensors.npy, items.jsonl, quarantine.jsonl and contact_sheet.png of a folder, one after another.
[[nodiscard]] std::vector<std::string> results_of(const std::string& folder);

/// The same where rows may have any order: each item's line without its row, and its row's bytes.
[[nodiscard]] std::vector<std::string> results_by_item(const std::string& folder);

}  // namespace forebay::test
