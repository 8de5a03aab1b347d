#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pipeline/flow/slot_life.h"

namespace forebay {

/// A slot and the lease under which it is held. A lease with an old generation is void.
struct Lease {
  std::uint32_t worker = 0;
  std::uint32_t slot = 0;
  std::uint64_t generation = 0;
};

struct SlotPlace {
  std::uint32_t worker = 0;
  std::uint32_t slot = 0;
};

/// Who owns which slot, in the coordinator's private memory: no other process can damage it. Every transition
/// that the life cycle does not allow aborts. Used by the flow thread only.
class SlotTable {
 public:
  SlotTable(std::uint32_t workers, std::uint32_t slots_per_worker);

  /// FREE -> FILLING, under a new generation; nothing if the worker's strip has no free slot.
  [[nodiscard]] std::optional<Lease> lease(std::uint32_t worker);
  /// FILLING -> FILLING under a new generation: the worker died, its replacement goes on in the same slot.
  [[nodiscard]] Lease renew(const Lease& lease);
  /// Any other move of the list.
  void move(SlotMove move, const Lease& lease);

  /// From now on at most so many slots of each worker are held at a time; what is held beyond stays so.
  void allow(std::uint32_t slots) noexcept { allowed_ = slots; }
  /// FREE slots that may not be leased as things are, the last of each strip first. They are told once: until
  /// refilled() they count as without memory, and are leased after all others.
  [[nodiscard]] std::vector<SlotPlace> take_idle();
  /// The slot of this lease was told by take_idle(): it needs its memory again. From then on it has it.
  [[nodiscard]] bool refilled(const Lease& lease);

  /// True if this is the lease in force, in that state.
  [[nodiscard]] bool holds(const Lease& lease, SlotState state) const noexcept;
  /// FREE, and may be leased.
  [[nodiscard]] std::uint32_t free_slots(std::uint32_t worker) const noexcept;

 private:
  struct Entry {
    SlotState state = SlotState::free;
    std::uint64_t generation = 0;
    bool empty = false;  ///< its memory was given back
  };
  [[nodiscard]] std::uint32_t count_free(std::uint32_t worker) const noexcept;
  [[nodiscard]] Entry& entry(const Lease& lease, SlotMove move);
  std::uint32_t slots_;
  std::uint32_t allowed_;  // of each worker
  std::uint64_t next_generation_ = 1;
  std::vector<Entry> entries_;
};

}  // namespace forebay
