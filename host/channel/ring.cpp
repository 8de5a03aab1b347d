#include "host/channel/ring.h"

#include <bit>
#include <cstring>

#include "host/contract.h"
#include "host/error.h"
#include "host/sync/fence.h"

namespace forebay {
namespace {

/// Stands before every block. A block that would cross the ring's end begins at its start, behind a filler.
struct BlockHead {
  std::uint64_t bytes = 0;   // of the block, without this head and without padding
  std::uint64_t filler = 0;  // 1: nothing but space up to the ring's end
};
static_assert(sizeof(BlockHead) == ring_alignment);

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

bool RingWriter::must_wake() noexcept {
  sequential_fence();  // pairs with the one in RingReader::announce
  if (index_->reader_waits.load(std::memory_order_relaxed) == 0) return false;
  return index_->reader_waits.exchange(0, std::memory_order_acq_rel) != 0;
}

bool RingWriter::announce_full() noexcept {
  index_->writer_waits.store(1, std::memory_order_relaxed);
  sequential_fence();  // pairs with the one in RingReader::must_wake
  return index_->consumed.load(std::memory_order_acquire) != consumed_;
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

bool RingReader::must_wake() noexcept {
  sequential_fence();  // pairs with the writer's, before it sleeps for room
  if (index_->writer_waits.load(std::memory_order_relaxed) == 0) return false;
  return index_->writer_waits.exchange(0, std::memory_order_acq_rel) != 0;
}

bool RingReader::announce() noexcept {
  index_->reader_waits.store(1, std::memory_order_relaxed);
  sequential_fence();  // pairs with the one in RingWriter::must_wake
  if (index_->written.load(std::memory_order_acquire) == consumed_) return true;
  withdraw();
  return false;
}

}  // namespace forebay
