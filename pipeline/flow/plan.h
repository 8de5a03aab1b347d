#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/flow/batch_grid.h"
#include "pipeline/flow/chunk.h"
#include "pipeline/source/sampler.h"

namespace forebay {

/// Turns the samples of a run into chunks that never cross a batch. Holds no more than the sample it looks
/// at. One thread.
class Plan {
 public:
  /// `grid`: of the sampler's epochs.
  Plan(std::unique_ptr<Sampler> sampler, BatchGrid grid);

  /// The next at most `items` items of one batch; nothing at the end, or after interrupt(). May block on the
  /// source's file system or pipe.
  [[nodiscard]] std::optional<Chunk> next_chunk(std::uint32_t items);

  /// Ends a next_chunk() that waits for its source, and all that follow. The plan then never becomes
  /// complete. Thread-safe.
  void interrupt() noexcept {
    interrupted_.store(true);
    sampler_->interrupt();
  }

  /// What the source threw: the plan ends before it, and the run after what was planned.
  [[nodiscard]] std::exception_ptr error() const noexcept { return error_; }
  [[nodiscard]] std::uint64_t planned() const noexcept { return planned_; }
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  /// The total, if it is known already.
  [[nodiscard]] std::optional<std::uint64_t> total() const;
  [[nodiscard]] std::string note() const { return sampler_->note(); }

 private:
  [[nodiscard]] std::optional<Sample> next_sample();

  std::unique_ptr<Sampler> sampler_;
  BatchGrid grid_;
  std::uint64_t batch_ = 0;    // that planned_ belongs to
  std::uint64_t planned_ = 0;  // items so far
  bool complete_ = false;
  std::exception_ptr error_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace forebay
