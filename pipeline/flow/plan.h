#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/flow/chunk.h"
#include "pipeline/source/source.h"

namespace forebay {

/// Turns the stream of a source into chunks: item numbers, batches of a fixed planned size, chunks that never
/// cross a batch. Holds no more than the entry it looks at, whatever the size of the source. One thread.
class Plan {
 public:
  Plan(std::unique_ptr<Source> source, std::uint32_t batch_items, std::optional<std::uint64_t> limit);

  /// The next at most `items` items of one batch; nothing at the end, or after interrupt(). May block on the
  /// source's file system or pipe.
  [[nodiscard]] std::optional<Chunk> next_chunk(std::uint32_t items);

  /// Ends a next_chunk() that waits for its source, and all that follow. The plan then never becomes
  /// complete. Thread-safe.
  void interrupt() noexcept {
    interrupted_.store(true);
    source_->interrupt();
  }

  /// What the source threw: the plan ends before it, and the run after what was planned.
  [[nodiscard]] std::exception_ptr error() const noexcept { return error_; }
  [[nodiscard]] std::uint64_t planned() const noexcept { return planned_; }
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  /// The total, if it is known already.
  [[nodiscard]] std::optional<std::uint64_t> total() const;
  [[nodiscard]] std::string note() const { return source_->note(); }

 private:
  [[nodiscard]] std::optional<SourceEntry> next_entry();

  std::unique_ptr<Source> source_;
  std::uint32_t batch_items_;
  std::optional<std::uint64_t> limit_;
  std::uint64_t planned_ = 0;
  bool complete_ = false;
  std::exception_ptr error_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace forebay
