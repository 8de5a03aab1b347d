#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "host/channel/ring.h"
#include "host/limits.h"

namespace forebay {

/// What both ends of a pipe share beside their socket. Side i writes index[i] and reads index[1 - i].
///
/// Invariants, beside those of the rings:
///  1. Who waits for a message or for room sleeps on its ring's word, a futex, and the other side wakes it
///     there. Only a reader that sleeps on its socket, long in recv() or in wait_ready(), says `elsewhere`,
///     and is rung over the socket.
///  2. Whether the other side has ended is told by the socket alone. What is here is a hint: `closings` says
///     how often a copy of side i was closed, be it the last or not, and who finds a number that it has not
///     seen looks at the socket.
///  3. Closing an end changes `closings` after the socket is closed, and rouses who sleeps after that, with a
///     sequentially consistent fence in between (rouse); a sleeper reads `closings` after its announcement,
///     with the fence of announce() in between. So it sees the number, and then the end, or is roused.
///  4. A killed process rouses nobody, and may take the duty to wake with it. So a sleep on the word lasts
///     for limits::pipe_look at most; then a writer asks the socket, and a reader goes on to sleep on it.
///  5. Only the reading thread of an end takes anything from its socket, so no other can swallow its doorbell
///     or its descriptors. The writing thread only asks the socket whether it is hung up.
struct PipeMemory {
  RingIndex index[2];
  alignas(64) std::atomic<std::uint32_t> closings[2] = {};

  static constexpr std::size_t bytes = 4096 + 2 * limits::pipe_ring_bytes;
  static std::span<std::byte> ring(std::span<std::byte> memory, std::uint32_t side) noexcept {
    return memory.subspan(4096 + side * limits::pipe_ring_bytes, limits::pipe_ring_bytes);
  }
};
static_assert(sizeof(PipeMemory) <= 4096);

/// What goes over a pipe's socket: a wake-up for a reader that sleeps `elsewhere`, or descriptors.
enum class PipeSocketMessage : std::uint32_t { doorbell, descriptors };

}  // namespace forebay
