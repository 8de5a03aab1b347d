#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/flow/resource_need.h"

namespace forebay {

/// What there is room for where an output folder is, or is to be made.
struct OutputSpace {
  std::string place;  ///< the folder, or the nearest one above it that exists
  /// For this user; what is to be replaced counts as free. A file system that counts nothing (some network
  /// ones) says so by writing to it alone.
  std::uint64_t free_bytes = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t free_files = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t file_bytes_most = std::numeric_limits<std::uint64_t>::max();  ///< RLIMIT_FSIZE

  /// Writes nothing. `replaced`: files of the folder that the run overwrites. Throws Error(environment) where
  /// nothing may be written there: no permission, a file system that is read-only. Blocks for the file
  /// system.
  [[nodiscard]] static OutputSpace read(const std::filesystem::path& folder,
                                        std::span<const std::string_view> replaced);
};

/// What a run writes. A quota is not asked for: it is met as a full disk is.
struct OutputDemand {
  std::optional<std::uint64_t> items;  ///< that the sources are known to have
  std::uint64_t row_bytes = 0;         ///< 0: no tensors.npy
};

/// Disk, files, size of a file. Where the number of items is not known, room for one row is needed.
[[nodiscard]] std::vector<ResourceNeed> needs_of(const OutputDemand& demand, const OutputSpace& space);

}  // namespace forebay
