#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/batch.h"
#include "pipeline/flow/assembler.h"
#include "pipeline/flow/flow.h"
#include "pipeline/flow/handover.h"
#include "pipeline/flow/run_fit.h"
#include "pipeline/flow/stats_board.h"
#include "pipeline/pipeline.h"

namespace forebay {

/// What is behind a Pipeline: decides device and shape, admits the memory, starts the flow, delivers. The
/// functions have the contracts of Pipeline's.
class Coordinator {
 public:
  explicit Coordinator(PipelineConfig config);
  ~Coordinator();
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  [[nodiscard]] std::optional<Batch> next();
  void stop() noexcept;
  void kill() noexcept;
  [[nodiscard]] RunStats stats() const;
  [[nodiscard]] const std::optional<ItemRecord>& failure() const noexcept { return failure_; }
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_.load(); }
  [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }

 private:
  /// `has_work`: there is something for a device to do, other than with tensors of host stages only.
  [[nodiscard]] std::unique_ptr<OwnerLink> choose_device(bool has_work, Device& device);
  /// Decides the shape that fits this machine; throws Error where none does.
  void admit(const RunParts& parts);
  [[nodiscard]] std::vector<std::shared_ptr<SealedMemory>> make_results() const;
  [[nodiscard]] std::optional<Batch> next_of_owner();
  void account(Batch& batch);
  void end();

  PipelineOptions options_;
  RunShape shape_;
  BatchGrid grid_;
  std::uint64_t items_before_ = 0;  // that an earlier run has delivered
  std::chrono::steady_clock::time_point started_;
  std::vector<std::string> notes_;
  StatsBoard stats_;
  std::shared_ptr<Handover>
      handover_;  // batches in the caller's hands give their result slots back through it
  std::vector<std::shared_ptr<SealedMemory>> results_;
  std::unique_ptr<Flow> flow_;
  std::unique_ptr<Assembler> assembler_;  // null where an owner builds the batches
  std::uint64_t next_owner_batch_ = 0;
  bool last_owner_batch_ = false;
  std::uint64_t rows_ = 0;
  std::optional<ItemRecord> failure_;
  std::atomic<bool> stop_asked_{false};
  std::atomic<bool> interrupted_{false};
  bool ended_ = false;
  double first_batch_s_ = 0;
};

}  // namespace forebay
