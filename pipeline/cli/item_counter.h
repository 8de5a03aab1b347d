#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/options.h"

namespace forebay::cli {

/// False for a list from a pipe: what is read of it is gone.
[[nodiscard]] bool can_be_read_twice(const std::string& source);

struct Counted {
  std::uint64_t items = 0;
  bool all = true;   ///< false: there are more, or the sources break off
  std::string note;  ///< what the sources left out
};

/// Counts the entries of sources that can be read twice, up to `limit`, until the deadline. Throws
/// Error(usage) where one does not exist.
[[nodiscard]] Counted count_items(const std::vector<std::string>& sources, std::optional<std::uint64_t> limit,
                                  std::chrono::steady_clock::time_point deadline);

/// Counts the entries of sources beside the run, at low priority, so that the progress line knows its total
/// before the plan does. Stops when destroyed.
class ItemCounter {
 public:
  /// Counts nothing where a source can be read only once (a list from a pipe).
  ItemCounter(std::vector<std::string> sources, const PipelineOptions& options);

  /// The total, once it is known. Thread-safe, does not block.
  [[nodiscard]] std::optional<std::uint64_t> total() const noexcept;

 private:
  static constexpr std::uint64_t unknown = UINT64_MAX;
  void count(const std::stop_token& stop, const std::vector<std::string>& sources,
             const PipelineOptions& options);

  std::atomic<std::uint64_t> total_{unknown};
  std::jthread thread_;
};

}  // namespace forebay::cli
