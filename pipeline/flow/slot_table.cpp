#include "pipeline/flow/slot_table.h"

#include "host/contract.h"

namespace forebay {

std::string_view to_string(SlotState state) noexcept {
  switch (state) {
    case SlotState::free: return "free";
    case SlotState::filling: return "filling";
    case SlotState::ready: return "ready";
    case SlotState::in_flight: return "in_flight";
  }
  return "invalid";
}

SlotTable::SlotTable(std::uint32_t workers, std::uint32_t slots_per_worker)
    : slots_(slots_per_worker), entries_(std::size_t{workers} * slots_per_worker) {}

std::optional<Lease> SlotTable::lease(std::uint32_t worker) {
  for (std::uint32_t slot = 0; slot < slots_; ++slot) {
    Entry& entry = entries_[std::size_t{worker} * slots_ + slot];
    if (entry.state != SlotState::free) continue;
    entry = {SlotState::filling, next_generation_++};
    return Lease{worker, slot, entry.generation};
  }
  return std::nullopt;
}

SlotTable::Entry& SlotTable::entry(const Lease& lease, SlotState expected) {
  expect(holds(lease, expected), "a slot changes hands only along its life cycle, under the lease in force");
  return entries_[std::size_t{lease.worker} * slots_ + lease.slot];
}

Lease SlotTable::renew(const Lease& lease) {
  Entry& held = entry(lease, SlotState::filling);
  held.generation = next_generation_++;
  return {lease.worker, lease.slot, held.generation};
}

void SlotTable::mark_ready(const Lease& lease) { entry(lease, SlotState::filling).state = SlotState::ready; }

void SlotTable::mark_in_flight(const Lease& lease) {
  entry(lease, SlotState::ready).state = SlotState::in_flight;
}

void SlotTable::put_back(const Lease& lease) { entry(lease, SlotState::in_flight).state = SlotState::ready; }

void SlotTable::release(const Lease& lease) {
  const SlotState from = holds(lease, SlotState::ready) ? SlotState::ready : SlotState::in_flight;
  entry(lease, from).state = SlotState::free;
}

bool SlotTable::holds(const Lease& lease, SlotState state) const noexcept {
  const std::size_t position = std::size_t{lease.worker} * slots_ + lease.slot;
  return lease.slot < slots_ && position < entries_.size() && entries_[position].state == state &&
         entries_[position].generation == lease.generation;
}

std::uint32_t SlotTable::free_slots(std::uint32_t worker) const noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t slot = 0; slot < slots_; ++slot) {
    if (entries_[std::size_t{worker} * slots_ + slot].state == SlotState::free) ++count;
  }
  return count;
}

}  // namespace forebay
