#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pipeline/pipeline.h"
#include "tests/crash/pipeline_killer.h"
#include "tests/crash/soak_options.h"

namespace forebay::crash {

/// What came of the items of some runs.
struct SoakItems {
  std::uint64_t planned = 0;
  std::uint64_t right = 0;
  std::uint64_t wrong = 0;        ///< other bytes, or out of order
  std::uint64_t quarantined = 0;  ///< failed, whatever the error: every item is good
  std::uint64_t again = 0;        ///< attempts beyond the first
  std::uint32_t restarts = 0;
  std::chrono::nanoseconds took{0};
  std::chrono::nanoseconds cpu{0};  ///< of all processes: what a busy machine does not change
  std::string failure;              ///< a run that ended with an error
  std::vector<std::string> notices;

  SoakItems& operator+=(const SoakItems& other);
  [[nodiscard]] double per_second() const {
    return static_cast<double>(planned) / std::chrono::duration<double>(took).count();
  }
};

/// The work of a soak, whose results are known from an undisturbed run: pictures, or numbers.
class SoakWork {
 public:
  /// Makes the pictures in `folder`, and the run that shows what they become.
  SoakWork(const SoakOptions& options, const std::string& folder);
  /// A run of so many items; with `kills`, it is disturbed.
  void run(std::uint64_t items, std::uint64_t seed, Kills* kills, SoakItems& into) const;

 private:
  [[nodiscard]] Pipeline start(std::uint64_t items) const;
  void check(const Batch& batch, std::uint64_t& next, SoakItems& into) const;

  const SoakOptions& options_;
  std::string folder_;
  std::vector<std::string> pictures_;
  std::vector<std::byte> rows_;  // of the pictures, one after another
  std::size_t row_bytes_ = 0;
};

}  // namespace forebay::crash
