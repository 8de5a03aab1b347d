#pragma once

#include <cstddef>
#include <span>

#include "host/process/child.h"

namespace forebay {

/// One message that waits in a child's channel when it starts.
struct Parcel {
  std::span<const std::byte> bytes;
  std::span<const int> fds{};
};

/// Starts a child that runs `main`, by the given method, and has the program's guardian watch it, so that it
/// and its process group end with their parent even where that is killed. `parcels` are the first messages
/// that the child receives, together below limits::channel_buffer_bytes. The child has the descriptors 0, 1,
/// 2, its channel and the guardian's. Blocks until it exists. Thread-safe. Throws Error(usage) where init()
/// has not been called or the options make no sense, and Error(spawn | environment) where the system refuses.
[[nodiscard]] Child start_child(ChildMain main, const SpawnOptions& options, StartMethod method,
                                std::span<const Parcel> parcels = {});

namespace detail {

/// By spawn; `guardian` is -1 for a child that none watches.
[[nodiscard]] Child spawn_child(ChildMain main, const SpawnOptions& options, std::span<const Parcel> parcels,
                                int guardian);

}  // namespace detail
}  // namespace forebay
