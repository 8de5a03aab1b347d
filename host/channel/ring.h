#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace forebay {

/// A ring of byte blocks in shared memory between one writing and one reading process.
///
/// Invariants:
///  1. `written` and `consumed` only grow; consumed <= written <= consumed + capacity. The writer alone
///     stores `written`, the reader alone stores `consumed`: no lock, so nothing that a killed process
///     could hold.
///  2. A block is visible only once it is complete: the writer's release store of `written` (commit)
///     pairs with the reader's acquire load (peek). A writer that dies in between has written nothing.
///  3. A block's memory is reused only after the reader is done: the reader's release store of
///     `consumed` (pop) pairs with the writer's acquire load (reserve).
///  4. Who sleeps has said so before it looked for the last time, and who changes the ring looks for
///     sleepers after the change, with a sequentially consistent fence in between on both sides
///     (announce and must_wake): so one of the two sees the other, and no wake-up is lost.
///  5. Neither side trusts the other's numbers: the reader bounds every size by what can be there.
struct RingIndex {
  alignas(64) std::atomic<std::uint64_t> written{0};
  alignas(64) std::atomic<std::uint64_t> consumed{0};
  alignas(64) std::atomic<std::uint32_t> reader_waits{0};  ///< a futex word of the reader, or a flag
  alignas(64) std::atomic<std::uint32_t> writer_waits{0};  ///< a futex word of the writer
};

/// Blocks begin at multiples of this and are so long: above any plain type's alignment but the over-aligned.
inline constexpr std::size_t ring_alignment = 16;

/// The writing end. One thread at a time. Never blocks.
class RingWriter {
 public:
  /// `memory`: a power of two of bytes, aligned to ring_alignment.
  RingWriter(RingIndex& index, std::span<std::byte> memory) noexcept;

  /// Room for a block of `bytes`, to be filled and committed; nothing while there is none. The largest
  /// block is block_bytes_max().
  [[nodiscard]] std::optional<std::span<std::byte>> reserve(std::size_t bytes) noexcept;
  /// Makes the reserved block visible.
  void commit() noexcept;
  /// True if the reader sleeps and is to be woken by the caller, who then has the duty alone.
  [[nodiscard]] bool must_wake() noexcept;
  /// Says that this side is about to sleep for room. True: room may have come meanwhile, so it must look
  /// first.
  [[nodiscard]] bool announce_full() noexcept;
  /// True once the reader has taken everything.
  [[nodiscard]] bool drained() const noexcept {
    return index_->consumed.load(std::memory_order_acquire) >= written_;
  }
  /// Names the block that was reserved last; see reclaimed().
  [[nodiscard]] std::uint64_t last_block() const noexcept { return reserved_; }
  /// Whether a block's memory may hold another by now. False: it is still as it was written, but for
  /// what the reader changed in it.
  [[nodiscard]] bool reclaimed(std::uint64_t block) const noexcept { return block <= consumed_; }
  [[nodiscard]] std::size_t block_bytes_max() const noexcept { return memory_.size() / 4; }

 private:
  RingIndex* index_;
  std::span<std::byte> memory_;
  std::uint64_t written_ = 0;   // as stored in the index
  std::uint64_t reserved_ = 0;  // up to here after the commit
  std::uint64_t consumed_ = 0;  // as last read: may be behind
};

/// The reading end. One thread at a time. Never blocks.
class RingReader {
 public:
  RingReader(RingIndex& index, std::span<std::byte> memory) noexcept;

  /// The oldest block, in place until pop(); nothing where there is none. Throws Error(protocol) where
  /// the writer's numbers make no sense.
  [[nodiscard]] std::optional<std::span<std::byte>> peek();
  /// Gives the block's memory back.
  void pop() noexcept;
  /// A cheap look: true if peek() would find something.
  [[nodiscard]] bool readable() const noexcept {
    return index_->written.load(std::memory_order_acquire) != consumed_;
  }
  /// True if the writer sleeps for room and is to be woken by the caller.
  [[nodiscard]] bool must_wake() noexcept;
  /// Says that this side is about to sleep. False: there is something to read, so it must not.
  [[nodiscard]] bool announce() noexcept;
  void withdraw() noexcept { index_->reader_waits.store(0, std::memory_order_relaxed); }

 private:
  RingIndex* index_;
  std::span<std::byte> memory_;
  std::uint64_t consumed_ = 0;
  std::uint64_t next_ = 0;  // where the block after the one that peek() gave begins
};

}  // namespace forebay
