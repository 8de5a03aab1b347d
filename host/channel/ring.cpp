#include "host/channel/ring.h"

#include <bit>
#include <cstring>
#include <limits>

#include "host/contract.h"
#include "host/error.h"
#include "host/sync/fence.h"
#include "host/sync/futex.h"

namespace forebay {
namespace {

/// Stands before every block. A block that would cross the ring's end begins at its start, behind a filler.
struct BlockHead {
  std::uint64_t bytes = 0;   // of the block, without this head and without padding
  std::uint64_t filler = 0;  // 1: nothing but space up to the ring's end
};
static_assert(sizeof(BlockHead) == ring_alignment);

constexpr auto none = static_cast<std::uint32_t>(Sleeper::none);
constexpr auto on_word = static_cast<std::uint32_t>(Sleeper::on_word);

/// Who sleeps on the other side, which is then the caller's to wake.
Sleeper take(std::atomic<std::uint32_t>& word) noexcept {
  sequential_fence();  // pairs with the sleeper's, in announce() or announce_full()
  if (word.load(std::memory_order_relaxed) == none) return Sleeper::none;
  const std::uint32_t how = word.exchange(none, std::memory_order_acq_rel);
  return how <= on_word ? static_cast<Sleeper>(how) : Sleeper::elsewhere;
}

/// All, never one: of two processes that use the end one after the other the first may have been killed in
/// its sleep.
void wake_sleepers(std::atomic<std::uint32_t>& word) noexcept {
  futex_wake(word, std::numeric_limits<int>::max());
}

/// Leaves who sleeps elsewhere its announcement: it is for what comes through the ring.
void rouse_sleeper(std::atomic<std::uint32_t>& word) noexcept {
  sequential_fence();  // pairs with the sleeper's, in announce() or announce_full()
  std::uint32_t expected = on_word;
  if (word.compare_exchange_strong(expected, none, std::memory_order_acq_rel)) wake_sleepers(word);
}

constexpr std::uint64_t padded(std::uint64_t bytes) noexcept {
  return (bytes + ring_alignment - 1) / ring_alignment * ring_alignment;
}

}  // namespace

RingWriter::RingWriter(RingIndex& index, std::span<std::byte> memory) noexcept
    : index_(&index), memory_(memory) {
  expect(std::has_single_bit(memory.size()), "a ring's size is a power of two");
  // Another process may have been at this end before.
  written_ = index.written.load(std::memory_order_acquire);
  consumed_ = index.consumed.load(std::memory_order_acquire);
}

std::optional<std::span<std::byte>> RingWriter::reserve(std::size_t bytes) noexcept {
  expect(bytes <= block_bytes_max(), "a block is at most a quarter of its ring");
  const std::uint64_t capacity = memory_.size();
  const std::uint64_t needed = sizeof(BlockHead) + padded(bytes);
  const std::uint64_t offset = written_ & (capacity - 1);
  const std::uint64_t to_end = capacity - offset;
  const std::uint64_t filler = needed <= to_end ? 0 : to_end;
  if (written_ + filler + needed > consumed_ + capacity) {
    consumed_ = index_->consumed.load(std::memory_order_acquire);  // pairs with RingReader::pop
    if (consumed_ > written_ || written_ + filler + needed > consumed_ + capacity) return std::nullopt;
  }
  if (filler != 0) {
    const BlockHead head{filler - sizeof(BlockHead), 1};
    std::memcpy(memory_.data() + offset, &head, sizeof(head));
  }
  const std::uint64_t start = filler != 0 ? 0 : offset;
  const BlockHead head{bytes, 0};
  std::memcpy(memory_.data() + start, &head, sizeof(head));
  reserved_ = written_ + filler + needed;
  return memory_.subspan(start + sizeof(BlockHead), bytes);
}

void RingWriter::commit() noexcept {
  written_ = reserved_;
  index_->written.store(written_, std::memory_order_release);  // pairs with RingReader::peek
}

Sleeper RingWriter::take_sleeper() noexcept { return take(index_->reader_waits); }

void RingWriter::wake() noexcept { wake_sleepers(index_->reader_waits); }

void RingWriter::rouse() noexcept { rouse_sleeper(index_->reader_waits); }

bool RingWriter::announce_full() noexcept {
  index_->writer_waits.store(on_word, std::memory_order_relaxed);
  sequential_fence();  // pairs with the one in RingReader::must_wake
  return index_->consumed.load(std::memory_order_acquire) != consumed_;
}

void RingWriter::sleep(std::chrono::steady_clock::time_point deadline) noexcept {
  futex_wait(index_->writer_waits, on_word, deadline);
}

RingReader::RingReader(RingIndex& index, std::span<std::byte> memory) noexcept
    : index_(&index), memory_(memory) {
  expect(std::has_single_bit(memory.size()), "a ring's size is a power of two");
  consumed_ =
      index.consumed.load(std::memory_order_acquire);  // another process may have been at this end before
}

std::optional<std::span<std::byte>> RingReader::peek() {
  const std::uint64_t capacity = memory_.size();
  while (true) {
    const std::uint64_t written = index_->written.load(std::memory_order_acquire);  // pairs with commit
    if (written == consumed_) return std::nullopt;
    const std::uint64_t there = written - consumed_;
    const std::uint64_t offset = consumed_ & (capacity - 1);
    BlockHead head;
    std::memcpy(&head, memory_.data() + offset, sizeof(head));
    const bool whole = there <= capacity && there >= sizeof(head) && head.bytes <= there - sizeof(head) &&
                       head.bytes <= capacity - offset - sizeof(head);
    if (!whole) throw Error(ErrorCode::protocol, "the other process wrote a block that its ring cannot hold");
    next_ = consumed_ + sizeof(head) + padded(head.bytes);
    if (head.filler == 0) return memory_.subspan(offset + sizeof(head), head.bytes);
    pop();
  }
}

void RingReader::pop() noexcept {
  consumed_ = next_;
  index_->consumed.store(consumed_, std::memory_order_release);  // pairs with RingWriter::reserve
}

bool RingReader::must_wake() noexcept { return take(index_->writer_waits) != Sleeper::none; }

void RingReader::wake() noexcept { wake_sleepers(index_->writer_waits); }

void RingReader::rouse() noexcept { rouse_sleeper(index_->writer_waits); }

bool RingReader::announce(Sleeper how) noexcept {
  index_->reader_waits.store(static_cast<std::uint32_t>(how), std::memory_order_relaxed);
  sequential_fence();  // pairs with the one in RingWriter::take_sleeper
  if (index_->written.load(std::memory_order_acquire) == consumed_) return true;
  withdraw();
  return false;
}

void RingReader::sleep(std::chrono::steady_clock::time_point deadline) noexcept {
  futex_wait(index_->reader_waits, on_word, deadline);
}

}  // namespace forebay
