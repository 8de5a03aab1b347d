#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "device/ops/finish.h"
#include "pipeline/batch.h"
#include "pipeline/batch_buffer.h"
#include "pipeline/flow/flow.h"
#include "pipeline/flow/handover.h"
#include "pipeline/flow/stats_board.h"

namespace forebay {

/// Builds batches where there is no owner: takes READY chunks in item order and runs the last operator over
/// each item, straight from its slot into its row of the batch. In the thread that calls next(), with help
/// from TBB where the workers leave cores.
class Assembler {
 public:
  Assembler(const RunShape& shape, const PipelineOptions& options, Handover& handover, const Flow& flow,
            StatsBoard& stats);

  /// The next batch, rows not numbered yet; nothing at the end. Blocks.
  [[nodiscard]] std::optional<Batch> next();
  /// A bad item ended the run (OnError::fail): it is the last record of the last batch.
  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  struct Build;
  void add(Build& build, Chunk& chunk);
  /// Where the row goes; nothing (and a failed record) where the item does not fit the batch's shape.
  [[nodiscard]] std::byte* row_for(Build& build, const ItemDescriptor& item, ItemRecord& record);
  void run_last_operator(Build& build);
  /// False where stop() came before the row was finished.
  [[nodiscard]] bool finish_picture(const std::uint8_t* pixels, std::byte* row);
  /// Cuts the batch before the first row that stop() left unfinished.
  void drop_unfinished(Build& build);

  const RunShape& shape_;
  const PipelineOptions& options_;
  Handover& handover_;
  const Flow& flow_;
  StatsBoard& stats_;
  FinishTable table_;
  std::shared_ptr<BatchPool> buffers_;
  bool failed_ = false;
};

}  // namespace forebay
