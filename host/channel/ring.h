#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace forebay {

/// How a side that waits for the other sleeps, and so how it is woken. As stored in a ring's words.
enum class Sleeper : std::uint32_t {
  none,
  on_word,    ///< on that word, a futex
  elsewhere,  ///< on a descriptor that the ring does not know
};

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
///     (announce and take_sleeper): so one of the two sees the other, and no wake-up is lost.
///  5. Who takes a sleeper's word takes the duty to wake it, and sets the word to none first. So who has
///     announced a sleep on the word and comes to it late does not fall asleep.
///  6. Neither side trusts the other's numbers: the reader bounds every size by what can be there.
struct RingIndex {
  alignas(64) std::atomic<std::uint64_t> written{0};
  alignas(64) std::atomic<std::uint64_t> consumed{0};
  alignas(64) std::atomic<std::uint32_t> reader_waits{0};  ///< a Sleeper
  alignas(64) std::atomic<std::uint32_t> writer_waits{0};  ///< a Sleeper: none or on_word
};

/// Blocks begin at multiples of this and are so long: above any plain type's alignment but the over-aligned.
inline constexpr std::size_t ring_alignment = 16;

/// The writing end. One thread at a time. Never blocks, but in sleep().
class RingWriter {
 public:
  /// `memory`: a power of two of bytes, aligned to ring_alignment.
  RingWriter(RingIndex& index, std::span<std::byte> memory) noexcept;

  /// Room for a block of `bytes`, to be filled and committed; nothing while there is none. The largest
  /// block is block_bytes_max().
  [[nodiscard]] std::optional<std::span<std::byte>> reserve(std::size_t bytes) noexcept;
  /// Makes the reserved block visible.
  void commit() noexcept;
  /// How the reader sleeps that is to be woken by the caller, who then has the duty alone.
  [[nodiscard]] Sleeper take_sleeper() noexcept;
  [[nodiscard]] bool must_wake() noexcept { return take_sleeper() != Sleeper::none; }
  /// Wakes the reader that was taken and sleeps on its word.
  void wake() noexcept;
  /// Wakes the reader, if it sleeps on its word, to look at something else than the ring.
  void rouse() noexcept;
  /// Says that this side is about to sleep for room. True: room may have come meanwhile, so it must look
  /// first.
  [[nodiscard]] bool announce_full() noexcept;
  /// Sleeps as announced until the reader takes something, at most until the deadline. May return early.
  void sleep(std::chrono::steady_clock::time_point deadline) noexcept;
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

/// The reading end. One thread at a time. Never blocks, but in sleep().
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
  /// True if the writer sleeps for room and is to be woken by the caller, who then has the duty alone.
  [[nodiscard]] bool must_wake() noexcept;
  /// Wakes the writer that was taken.
  void wake() noexcept;
  /// Wakes the writer, if it sleeps, to look at something else than the ring.
  void rouse() noexcept;
  /// Says that this side is about to sleep, and how. False: there is something to read, so it must not.
  [[nodiscard]] bool announce(Sleeper how = Sleeper::on_word) noexcept;
  /// Sleeps, as announced on the word, until something is written, at most until the deadline. May return
  /// early.
  void sleep(std::chrono::steady_clock::time_point deadline) noexcept;
  void withdraw() noexcept { index_->reader_waits.store(0, std::memory_order_relaxed); }

 private:
  RingIndex* index_;
  std::span<std::byte> memory_;
  std::uint64_t consumed_ = 0;
  std::uint64_t next_ = 0;  // where the block after the one that peek() gave begins
};

}  // namespace forebay
