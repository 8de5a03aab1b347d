#include "pipeline/flow/slot_table.h"

#include <algorithm>
#include <utility>

#include "host/contract.h"

namespace forebay {

namespace {

constexpr bool in_order() {
  for (std::size_t i = 0; i < slot_moves.size(); ++i) {
    if (static_cast<std::size_t>(slot_moves[i].move) != i) return false;
  }
  return true;
}
static_assert(in_order(), "a move is found by its number");

constexpr const SlotMoveRule& rule_of(SlotMove move) { return slot_moves[static_cast<std::size_t>(move)]; }

}  // namespace

SlotTable::SlotTable(std::uint32_t workers, std::uint32_t slots_per_worker)
    : slots_(slots_per_worker),
      allowed_(slots_per_worker),
      entries_(std::size_t{workers} * slots_per_worker) {}

std::optional<Lease> SlotTable::lease(std::uint32_t worker) {
  if (free_slots(worker) == 0) return std::nullopt;
  for (const bool empty : {false, true}) {
    for (std::uint32_t slot = 0; slot < slots_; ++slot) {
      Entry& entry = entries_[std::size_t{worker} * slots_ + slot];
      if (entry.state != rule_of(SlotMove::lease).from || entry.empty != empty) continue;
      entry = {rule_of(SlotMove::lease).to, next_generation_++, empty};
      return Lease{worker, slot, entry.generation};
    }
  }
  return std::nullopt;
}

SlotTable::Entry& SlotTable::entry(const Lease& lease, SlotMove move) {
  expect(holds(lease, rule_of(move).from),
         "a slot changes hands only along its life cycle, under the lease in force");
  return entries_[std::size_t{lease.worker} * slots_ + lease.slot];
}

Lease SlotTable::renew(const Lease& lease) {
  Entry& held = entry(lease, SlotMove::renew);
  held.generation = next_generation_++;
  return {lease.worker, lease.slot, held.generation};
}

void SlotTable::move(SlotMove move, const Lease& lease) { entry(lease, move).state = rule_of(move).to; }

bool SlotTable::holds(const Lease& lease, SlotState state) const noexcept {
  const std::size_t position = std::size_t{lease.worker} * slots_ + lease.slot;
  return lease.slot < slots_ && position < entries_.size() && entries_[position].state == state &&
         entries_[position].generation == lease.generation;
}

std::uint32_t SlotTable::free_slots(std::uint32_t worker) const noexcept {
  const std::uint32_t free = count_free(worker);
  const std::uint32_t held = slots_ - free;
  return std::min(free, allowed_ - std::min(allowed_, held));
}

std::vector<SlotPlace> SlotTable::take_idle() {
  std::vector<SlotPlace> idle;
  for (std::uint32_t worker = 0; worker < entries_.size() / slots_; ++worker) {
    std::uint32_t surplus = count_free(worker) - free_slots(worker);
    for (std::uint32_t slot = slots_; slot-- > 0 && surplus > 0;) {
      Entry& entry = entries_[std::size_t{worker} * slots_ + slot];
      if (entry.state != SlotState::free) continue;
      --surplus;
      if (!std::exchange(entry.empty, true)) idle.push_back({worker, slot});
    }
  }
  return idle;
}

bool SlotTable::refilled(const Lease& lease) {
  return std::exchange(entries_[std::size_t{lease.worker} * slots_ + lease.slot].empty, false);
}

std::uint32_t SlotTable::count_free(std::uint32_t worker) const noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t slot = 0; slot < slots_; ++slot) {
    if (entries_[std::size_t{worker} * slots_ + slot].state == SlotState::free) ++count;
  }
  return count;
}

}  // namespace forebay
