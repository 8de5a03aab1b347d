#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

#include "host/channel/ring.h"
#include "host/limits.h"
#include "host/memory/sealed_memory.h"
#include "host/process/function.h"

namespace forebay {

/// What a pool and one of its workers share: a sealed memfd that only these two have, with a ring of tasks, a
/// ring of results and a few words. Payloads that do not fit a ring, and descriptors, go over the worker's
/// channel, announced in the ring by `on_channel`; ring and channel keep the same order.
/// Every number in here is untrusted by the pool.

/// A task's life in the ring. The pool may take back what the worker has not begun: whoever changes `pending`
/// first (compare and swap) has it.
enum class TaskState : std::uint32_t { pending, running, revoked };

enum class TaskKind : std::uint32_t { run, initialise, define, stop };

struct TaskHead {
  TaskKind kind = TaskKind::run;
  std::atomic<std::uint32_t> state{static_cast<std::uint32_t>(TaskState::pending)};
  std::uint64_t serial = 0;
  std::uint32_t function = 0;  ///< index of a function that a `define` named before
  std::uint32_t first = 0;     ///< items before this one are done already
  std::uint32_t count = 1;
  std::uint32_t payload_bytes = 0;
  std::uint32_t on_channel = 0;  ///< 1: a PayloadNote with descriptors comes over the channel
  std::uint32_t reserved = 0;
  std::uint64_t reserved_too = 0;  // the payload behind this head stays aligned
};
static_assert(sizeof(TaskHead) % ring_alignment == 0);

/// Payload of a `define`.
struct FunctionNote {
  FunctionId entry;
  FunctionId target;  ///< empty: the entry knows
};

enum class ResultKind : std::uint32_t { ready, returned, threw, initialiser_threw };

/// The result of one item. It says too that the task's items before it of which no record told have returned
/// nothing: where functions give nothing, a chunk is one record.
struct ResultHead {
  ResultKind kind = ResultKind::returned;
  std::uint32_t item = 0;
  std::uint64_t serial = 0;
  std::uint32_t payload_bytes = 0;
  std::uint32_t on_channel = 0;
  std::uint64_t reserved = 0;
};
static_assert(sizeof(ResultHead) % ring_alignment == 0);

/// Over the channel, with the descriptors of one payload; the last of them is the payload's own memory where
/// `in_memory` is 1.
struct PayloadNote {
  std::uint64_t serial = 0;
  std::uint64_t bytes = 0;
  std::uint32_t in_memory = 0;
  std::uint32_t reserved = 0;
};

/// First message to a worker, with the descriptors of the link's memory and of the pool's doorbell.
struct CrewSetup {
  std::uint64_t link_bytes = 0;
  std::uint64_t memory_growth_bytes = 0;  ///< 0: no limit
  std::uint32_t cores = 1;                ///< that this pool may use
  std::uint32_t timed = 0;                ///< 1: items have a time limit
};

struct CrewWords {
  alignas(64) std::atomic<std::uint64_t> progress{
      0};  ///< serial's low half << 32 | item that runs; by the worker, but for progress_condemned
  std::atomic<std::int64_t> began_ns{0};  ///< when that item began, where items are timed; by the worker
  std::atomic<std::uint32_t> wants_to_retire{0};   ///< its memory has grown too much; by the worker
  alignas(64) std::atomic<std::uint32_t> busy{0};  ///< workers of the pool that have work; by the pool
  RingIndex tasks;
  RingIndex results;
};

[[nodiscard]] constexpr std::uint64_t progress_of(std::uint64_t serial, std::uint32_t item) noexcept {
  return (serial << 32U) | item;
}

/// The pool puts this in the place of the item that ran too long, by compare and swap, before it kills the
/// worker; where items are timed the worker exchanges the word, and begins nothing once it finds this. So
/// whoever changes the word first has it: an item that is done in time is not charged, and none behind it
/// begins. No item has this number: a task has at most 2^32 - 1.
inline constexpr std::uint64_t progress_condemned = ~std::uint64_t{0};

/// The parts of a link's memory. A view.
struct CrewLink {
  static constexpr std::size_t bytes = 4096 + 2 * limits::crew_ring_bytes;
  static_assert(sizeof(CrewWords) <= 4096);

  explicit CrewLink(std::span<std::byte> memory) noexcept
      : words(*std::launder(reinterpret_cast<CrewWords*>(memory.data()))),
        tasks(memory.subspan(4096, limits::crew_ring_bytes)),
        results(memory.subspan(4096 + limits::crew_ring_bytes, limits::crew_ring_bytes)) {}
  /// In memory that is all zero, by the pool, before the worker is started.
  static CrewLink create(std::span<std::byte> memory) noexcept {
    ::new (memory.data()) CrewWords;
    return CrewLink(memory);
  }

  CrewWords& words;
  std::span<std::byte> tasks;
  std::span<std::byte> results;
};

/// From here on a payload travels in shared memory of its own, not in the ring.
inline constexpr std::size_t crew_inline_bytes_max = limits::crew_ring_bytes / 8;

}  // namespace forebay
