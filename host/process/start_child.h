#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

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

/// What every way of starting prepares: the channel, with the first messages in it, and who may enter.
struct Prepared {
  Channel mine;
  Channel theirs;
  pid_t parent = 0;
  std::uint64_t nonce = 0;
  std::string title;
};
[[nodiscard]] Prepared prepare_child(ChildMain main, const SpawnOptions& options,
                                     std::span<const Parcel> parcels, bool guarded);

/// "name=value" of every variable of the child. Throws Error(usage).
[[nodiscard]] std::vector<std::string> environment_for(const SpawnOptions& options);
[[nodiscard]] bool changes_environment(const SpawnOptions& options) noexcept;

/// Why starting a process failed with `error_number`, in one word of advice; may be empty.
[[nodiscard]] const char* start_remedy(int error_number) noexcept;

/// By spawn; `guardian` is -1 for a child that none watches.
[[nodiscard]] Child spawn_child(ChildMain main, const SpawnOptions& options, std::span<const Parcel> parcels,
                                int guardian);

}  // namespace detail
}  // namespace forebay
