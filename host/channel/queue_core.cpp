#include "host/channel/queue_core.h"

#include <new>

#include "host/process/crash_point.h"

namespace forebay {
namespace {

constexpr std::uint64_t pack(std::uint64_t position, SlotState state, OwnerToken owner = {}) noexcept {
  return (position << 32U) | (std::uint64_t{static_cast<std::uint32_t>(state)} << 24U) | owner.value();
}
constexpr SlotState state_of(std::uint64_t word) noexcept {
  return static_cast<SlotState>((word >> 24U) & 0xFFU);
}
constexpr OwnerToken owner_of(std::uint64_t word) noexcept {
  return OwnerToken::of(static_cast<std::uint32_t>(word) & 0xFF'FFFFU);
}
/// How far the word's position is ahead of `position`, of which 32 bits are kept.
constexpr std::int32_t ahead_of(std::uint64_t word, std::uint64_t position) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(word >> 32U) -
                                   static_cast<std::uint32_t>(position));
}

constexpr std::uint64_t cache_line = 64;

std::uint64_t stride(std::uint64_t message_bytes) noexcept {
  return sizeof(QueueSlot) + (message_bytes + cache_line - 1) / cache_line * cache_line;
}

}  // namespace

std::uint64_t QueueBody::bytes_for(std::uint32_t count, std::uint64_t message_bytes) noexcept {
  return sizeof(QueueBody) + count * stride(message_bytes);
}

void QueueBody::create(std::uint32_t count, std::uint64_t message_bytes, bool acknowledge) noexcept {
  slots = count;
  acknowledged = acknowledge ? 1 : 0;
  slot_bytes = stride(message_bytes);
  message_bytes_max = message_bytes;
  for (std::uint32_t i = 0; i < count; ++i) {
    slot(i).word.store(pack(i, SlotState::empty), std::memory_order_relaxed);
  }
}

std::uint64_t QueueBody::try_reserve(OwnerToken owner) noexcept {
  while (true) {
    std::uint64_t position = tail.load(std::memory_order_acquire);
    auto& word = slot(position).word;
    std::uint64_t now = word.load(std::memory_order_acquire);
    const std::int32_t ahead = ahead_of(now, position);
    if (ahead < 0) {
      // The message of the lap before is not done with; one that a dead producer left counts for nothing.
      if (state_of(now) == SlotState::aborted) {
        word.compare_exchange_weak(now, pack(position, SlotState::empty), std::memory_order_acq_rel);
        continue;
      }
      // Full, unless the tail moved on meanwhile.
      if (tail.load(std::memory_order_acquire) == position) return full_or_empty;
      continue;
    }
    if (ahead == 0 && state_of(now) == SlotState::empty) {
      if (!word.compare_exchange_weak(now, pack(position, SlotState::reserved, owner),
                                      std::memory_order_acq_rel)) {
        continue;
      }
      crash_point("queue.reserved");
      const std::uint64_t mine = position;
      tail.compare_exchange_strong(position, mine + 1, std::memory_order_acq_rel);
      return mine;
    }
    tail.compare_exchange_strong(position, position + 1,
                                 std::memory_order_acq_rel);  // for whoever claimed it
  }
}

void QueueBody::commit(std::uint64_t position, std::uint64_t bytes) noexcept {
  QueueSlot& entry = slot(position);
  entry.bytes = bytes;
  entry.deliveries = 0;
  crash_point("queue.written");
  entry.word.store(pack(position, SlotState::ready),
                   std::memory_order_release);  // pairs with try_take's swap
  crash_point("queue.committed");
  filled.wake_all();
}

void QueueBody::abandon(std::uint64_t position) noexcept {
  slot(position).word.store(pack(position, SlotState::aborted), std::memory_order_release);
  filled.wake_all();
  freed.wake_all();  // a producer may write there too, where no consumer comes by
}

/// The head moves over positions that are done with.
void QueueBody::pass_head(std::uint64_t position) noexcept {
  head.compare_exchange_strong(position, position + 1, std::memory_order_acq_rel);
}

std::uint64_t QueueBody::try_take(OwnerToken owner) noexcept {
  std::uint64_t first = head.load(std::memory_order_acquire);
  for (std::uint64_t position = first; position - first < slots;) {
    auto& word = slot(position).word;
    std::uint64_t now = word.load(std::memory_order_acquire);
    const std::int32_t ahead = ahead_of(now, position);
    if (ahead < 0) return full_or_empty;
    if (ahead > 0) {
      if (position == first) ++first;
      pass_head(position++);
      continue;
    }
    switch (state_of(now)) {
      case SlotState::empty: return full_or_empty;  // nobody has claimed it, so nothing lies behind it
      case SlotState::ready:
        if (ready_before(first, position)) {
          position = first;
        } else if (word.compare_exchange_weak(now, pack(position, SlotState::taking, owner),
                                              std::memory_order_acq_rel)) {
          crash_point("queue.taken");
          return position;
        }
        break;  // look again
      case SlotState::aborted:
        if (word.compare_exchange_weak(now, pack(position + slots, SlotState::empty),
                                       std::memory_order_acq_rel)) {
          freed.wake_all();
        }
        break;  // now it is done with
      case SlotState::reserved:
      case SlotState::taking: ++position; break;
    }
  }
  return full_or_empty;
}

/// Whether a message that was passed over as reserved has become ready since: then it goes first, as its
/// producer may have put the later one after it.
bool QueueBody::ready_before(std::uint64_t first, std::uint64_t position) noexcept {
  for (; first != position; ++first) {
    const std::uint64_t now = slot(first).word.load(std::memory_order_acquire);
    if (ahead_of(now, first) == 0 && state_of(now) == SlotState::ready) return true;
  }
  return false;
}

void QueueBody::release(std::uint64_t position) noexcept {
  crash_point("queue.read");
  slot(position).word.store(pack(position + slots, SlotState::empty),
                            std::memory_order_release);  // pairs with
                                                         // try_reserve
  crash_point("queue.released");
  pass_head(position);
  freed.wake_all();
}

/// Every position from the head to the end that is not done with. The head may be behind: what is done with
/// there does not count as part of the `slots` positions that can be in use.
template <typename Visit>
void QueueBody::visit_used(Visit visit) noexcept {
  std::uint64_t first = head.load(std::memory_order_acquire);
  for (std::uint64_t position = first; position - first < slots; ++position) {
    const std::uint64_t now = slot(position).word.load(std::memory_order_acquire);
    const std::int32_t ahead = ahead_of(now, position);
    if (ahead > 0) {
      if (position == first) ++first;
      continue;
    }
    if (ahead < 0 || state_of(now) == SlotState::empty || !visit(position, now)) return;
  }
}

std::uint64_t QueueBody::oldest_taken(OwnerToken owner) noexcept {
  std::uint64_t found = full_or_empty;
  visit_used([&](std::uint64_t position, std::uint64_t word) {
    if (state_of(word) == SlotState::taking && owner_of(word) == owner) found = position;
    return found == full_or_empty;
  });
  return found;
}

std::uint64_t QueueBody::ready() noexcept {
  std::uint64_t count = 0;
  visit_used([&](std::uint64_t /*position*/, std::uint64_t word) {
    if (state_of(word) == SlotState::ready) ++count;
    return true;
  });
  return count;
}

bool QueueBody::all_done() noexcept {
  bool none = true;
  visit_used([&](std::uint64_t /*position*/, std::uint64_t word) {
    none = state_of(word) == SlotState::aborted;
    return none;
  });
  return none;
}

bool QueueBody::full() noexcept {
  const std::uint64_t position = tail.load(std::memory_order_acquire);
  return ahead_of(slot(position).word.load(std::memory_order_acquire), position) < 0;
}

void QueueBody::recover(OwnerToken dead) noexcept {
  for (std::uint32_t i = 0; i < slots; ++i) {
    QueueSlot& entry = slot(i);
    std::uint64_t now = entry.word.load(std::memory_order_acquire);
    if (owner_of(now) != dead) continue;
    const std::uint64_t position = now >> 32U;
    if (state_of(now) == SlotState::reserved) {
      entry.word.compare_exchange_strong(now, pack(position, SlotState::aborted), std::memory_order_acq_rel);
    } else if (state_of(now) == SlotState::taking) {
      ++entry.deliveries;
      entry.word.compare_exchange_strong(now, pack(position, SlotState::ready), std::memory_order_acq_rel);
    }
  }
  filled.wake_sleepers();
  freed.wake_sleepers();
}

}  // namespace forebay
