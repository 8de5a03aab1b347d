#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace forebay {

/// FREE -> FILLING(worker) -> READY -> IN_FLIGHT(owner or delivery) -> FREE: one owner at any instant.
enum class SlotState : std::uint8_t { free, filling, ready, in_flight };

[[nodiscard]] std::string_view to_string(SlotState state) noexcept;

/// A slot and the lease under which it is held. A lease with an old generation is void.
struct Lease {
  std::uint32_t worker = 0;
  std::uint32_t slot = 0;
  std::uint64_t generation = 0;
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
  void mark_ready(const Lease& lease);      ///< FILLING -> READY
  void mark_in_flight(const Lease& lease);  ///< READY -> IN_FLIGHT
  void put_back(const Lease& lease);        ///< IN_FLIGHT -> READY: the owner died, the slot survived
  void release(const Lease& lease);         ///< IN_FLIGHT (read) or READY (revoked) -> FREE

  /// True if this is the lease in force, in that state.
  [[nodiscard]] bool holds(const Lease& lease, SlotState state) const noexcept;
  [[nodiscard]] std::uint32_t free_slots(std::uint32_t worker) const noexcept;

 private:
  struct Entry {
    SlotState state = SlotState::free;
    std::uint64_t generation = 0;
  };
  Entry& entry(const Lease& lease, SlotState expected);
  std::uint32_t slots_;
  std::uint64_t next_generation_ = 1;
  std::vector<Entry> entries_;
};

}  // namespace forebay
