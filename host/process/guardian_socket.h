#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include "host/memory/unique_fd.h"

namespace forebay::detail {

/// A message to the guardian, as it arrives there.
struct Told {
  pid_t pid = 0;  ///< of the sender: the kernel's word
  std::size_t size = 0;
  alignas(8) std::array<std::byte, 512> bytes;  // not zeroed: `size` says what is valid
  std::array<UniqueFd, 2> fds;
};
enum class Hearing { nothing, end, message };

/// The next message, if there is one. Never blocks. One that is cut off has the size 0.
[[nodiscard]] Hearing hear_told(int socket, Told& into) noexcept;

/// Sends a message with at most two descriptors, which stay the caller's. Waits for room until the deadline.
/// False: it was not sent.
[[nodiscard]] bool tell_guardian(int socket, std::span<const std::byte> message, std::span<const int> fds,
                                 std::chrono::steady_clock::time_point deadline) noexcept;

}  // namespace forebay::detail
