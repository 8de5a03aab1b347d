#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace forebay {

/// Of ProcessPoolExecutor::map().
struct MapOptions {
  std::optional<std::chrono::nanoseconds> timeout{};  ///< from the call to each result; then TimeoutError
  std::uint32_t chunk_size = 1;                       ///< items in one task; at least 1
  std::optional<std::size_t> buffer_size{};           ///< items ahead; nothing: all are submitted at once
};

}  // namespace forebay
