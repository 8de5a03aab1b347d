#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace forebay::crash {

/// What a run left in its folder, for comparison with an undisturbed one's.
struct RunFiles {
  std::string tensors;             ///< tensors.npy
  std::vector<std::string> lines;  ///< of items.jsonl, in their order, without the attempts
  std::vector<std::uint64_t> attempts;

  [[nodiscard]] static RunFiles read(const std::string& folder);
};

/// Index order: what differs from `expected`, or nothing. The attempts may.
[[nodiscard]] std::string difference(const RunFiles& expected, const RunFiles& got);

/// Completion order: every item once, with the same bytes in whatever row it has, and no row left over.
[[nodiscard]] std::string difference_but_for_rows(const RunFiles& expected, const RunFiles& got,
                                                  std::size_t row_bytes);

}  // namespace forebay::crash
