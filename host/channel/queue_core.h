#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "host/sync/participant.h"
#include "host/sync/wait_point.h"

namespace forebay {

/// A message's life. Each change is one compare and swap of the slot's word, which names the owner with
/// it: so no instant exists at which a death leaves a slot that nobody can be told to own.
///   empty -> reserved (a producer writes) -> ready -> taking (a consumer reads) -> empty of the next lap
/// A producer's death: reserved -> aborted, which the next consumer skips. A consumer's: taking ->
/// ready again.
enum class SlotState : std::uint32_t { empty, reserved, ready, taking, aborted };

/// At the start of every slot; the message lies behind it.
struct QueueSlot {
  std::atomic<std::uint64_t> word{0};  ///< lap position << 32 | state << 24 | owner
  std::uint64_t bytes = 0;
  std::uint32_t deliveries = 0;  ///< times that a consumer died while it had the message
  std::uint32_t reserved = 0;
  std::uint64_t reserved_too[5] = {};
};
static_assert(sizeof(QueueSlot) == 64);

/// A queue of many producers and consumers in shared memory, followed by its slots.
///
/// Invariants:
///  1. Position p lies in slot p modulo `slots`. A slot's word holds the position that it serves now: p
///     while empty (free for p), reserved, ready, taking or aborted; p + slots once p is done with.
///  2. `tail` and `head` are hints that anybody may move on, never claims: a claim is the swap of a
///     slot's word. So a process that dies between a claim and the hint stops nobody.
///  3. A message's bytes are written between reserved and ready, by the producer alone (its release
///     store pairs with the acquire of the consumer's swap), and read between taking and empty, by the
///     consumer alone.
///  4. Consumers take the oldest ready message. They pass over reserved ones (whose put has not
///     returned) and over taking ones, and look at those again before they take a later one: so the
///     messages of one producer stay in order, but for a message that is delivered again.
struct QueueBody {
  std::uint32_t slots = 0;
  std::uint32_t acknowledged = 0;  ///< a message stays taken until task_done()
  std::uint64_t slot_bytes = 0;    ///< from one slot to the next
  std::uint64_t message_bytes_max = 0;
  std::atomic<std::uint32_t> closed{0};
  alignas(64) std::atomic<std::uint64_t> tail{0};
  alignas(64) std::atomic<std::uint64_t> head{0};
  alignas(64) WaitPoint filled;  ///< consumers wait here
  alignas(64) WaitPoint freed;   ///< producers, and join()

  static constexpr std::uint64_t full_or_empty = ~std::uint64_t{0};

  void create(std::uint32_t count, std::uint64_t message_bytes, bool acknowledge) noexcept;
  [[nodiscard]] static std::uint64_t bytes_for(std::uint32_t count, std::uint64_t message_bytes) noexcept;

  [[nodiscard]] QueueSlot& slot(std::uint64_t position) noexcept {
    return *reinterpret_cast<QueueSlot*>(reinterpret_cast<std::byte*>(this) + sizeof(QueueBody) +
                                         (position % slots) * slot_bytes);
  }
  [[nodiscard]] std::byte* payload(std::uint64_t position) noexcept {
    return reinterpret_cast<std::byte*>(&slot(position) + 1);
  }

  /// The position that the caller may write now, or full_or_empty.
  [[nodiscard]] std::uint64_t try_reserve(OwnerToken owner) noexcept;
  void commit(std::uint64_t position, std::uint64_t bytes) noexcept;
  void abandon(std::uint64_t position) noexcept;
  /// The position of the message that the caller may read now, or full_or_empty.
  [[nodiscard]] std::uint64_t try_take(OwnerToken owner) noexcept;
  void release(std::uint64_t position) noexcept;
  /// The oldest message that the owner has taken, or full_or_empty.
  [[nodiscard]] std::uint64_t oldest_taken(OwnerToken owner) noexcept;

  /// Messages that are ready now.
  [[nodiscard]] std::uint64_t ready() noexcept;
  /// Whether all messages that were put are done with.
  [[nodiscard]] bool all_done() noexcept;
  [[nodiscard]] bool full() noexcept;
  void recover(OwnerToken dead) noexcept;

 private:
  template <typename Visit>
  void visit_used(Visit visit) noexcept;
  [[nodiscard]] bool ready_before(std::uint64_t first, std::uint64_t position) noexcept;
  void pass_head(std::uint64_t position) noexcept;
};

}  // namespace forebay
