#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "pipeline/run_stats.h"

namespace forebay::cli {

/// Rates over the last few seconds, from snapshots of a run. Not thread-safe.
class RateMeter {
 public:
  void add(const RunStats& stats);

  [[nodiscard]] double items_per_s() const noexcept;
  /// Share of the time that the workers spent on items, 0..1.
  [[nodiscard]] double workers_busy() const noexcept;
  [[nodiscard]] double owner_busy() const noexcept;

 private:
  struct Sample {
    double seconds = 0;
    std::uint64_t items = 0;
    double workers_busy_s = 0;
    double owner_busy_s = 0;
    std::size_t workers = 0;
  };
  /// A figure's growth per second of the window.
  template <typename T>
  [[nodiscard]] double growth(T Sample::*figure) const noexcept;

  std::deque<Sample> samples_;  // the window, oldest first; bounded by limits::rate_samples
};

/// "[====>     ]  45% 1234/2730  1105 items/s  ETA 0:12  3 errors  workers 97%  owner 12%"; without a bar,
/// percentage and ETA where the total is not known.
[[nodiscard]] std::string progress_text(const RunStats& stats, std::optional<std::uint64_t> total,
                                        const RateMeter& rates, bool with_bar);

/// "0:12", "1:02:03".
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace forebay::cli
