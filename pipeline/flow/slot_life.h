#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "host/process/crash_step.h"

/// The life of a slot: its states, the moves between them, and the steps of the processes that carry it. The
/// one list for the code, for the model (docs/model/slot_life.pml is made of it, a test compares) and for the
/// tests that kill at every step.
namespace forebay {

/// FREE -> FILLING(worker) -> READY -> IN_FLIGHT(owner) -> FREE: one owner at any instant. A READY slot
/// belongs to whoever took its chunk out of ReadyChunks; without an owner process that is the caller, who
/// reads it there.
enum class SlotState : std::uint8_t { free, filling, ready, in_flight, retired };

enum class SlotMove : std::uint8_t { lease, renew, finish, take, put_back, release, deliver, revoke, retire };

struct SlotMoveRule {
  SlotMove move;
  std::string_view name;
  SlotState from;
  SlotState to;
};

/// Every move that there is, in the order of SlotMove. Each is made by the coordinator, in its private table.
inline constexpr auto slot_moves = std::to_array<SlotMoveRule>({
    {SlotMove::lease, "lease", SlotState::free, SlotState::filling},     // a chunk goes to the strip's worker
    {SlotMove::renew, "renew", SlotState::filling, SlotState::filling},  // it died: a new generation goes on
    {SlotMove::finish, "finish", SlotState::filling, SlotState::ready},  // it reported the chunk
    {SlotMove::take, "take", SlotState::ready, SlotState::in_flight},    // the owner reads it
    {SlotMove::put_back, "put_back", SlotState::in_flight, SlotState::ready},  // the owner died or failed
    {SlotMove::release, "release", SlotState::in_flight, SlotState::free},     // the owner has read it
    {SlotMove::deliver, "deliver", SlotState::ready, SlotState::free},         // the caller has read it
    {SlotMove::revoke, "revoke", SlotState::ready, SlotState::free},           // an earlier item needs a slot
    {SlotMove::retire, "retire", SlotState::filling, SlotState::retired},      // its worker cannot be ended
});

[[nodiscard]] constexpr std::string_view to_string(SlotState state) noexcept {
  switch (state) {
    case SlotState::free: return "free";
    case SlotState::filling: return "filling";
    case SlotState::ready: return "ready";
    case SlotState::in_flight: return "in_flight";
    case SlotState::retired: return "retired";
  }
  return "invalid";
}

/// The steps at which a process that carries a slot can be made to die, by role, in their order.
inline constexpr auto slot_step_names = std::to_array<std::string_view>({
    "pipeline.worker.entered",    // has no strip yet
    "pipeline.worker.opened",     // maps its strip
    "pipeline.worker.hello",      // has said that it is there
    "pipeline.worker.received",   // has a job that the strip knows nothing of
    "pipeline.worker.begun",      // the progress word names the item
    "pipeline.worker.decoded",    // pixels are written, nothing describes them
    "pipeline.worker.filled",     // the item is complete in the slot, its descriptor is not
    "pipeline.worker.described",  // the progress word does not say so yet
    "pipeline.worker.finished",   // the progress word says that all is there
    "pipeline.worker.reported",  "pipeline.owner.entered",
    "pipeline.owner.opened",     // has said that its device works
    "pipeline.owner.pinned",     // has one more strip or result slot
    "pipeline.owner.ready",      // has said that it takes work
    "pipeline.owner.begun",      // a batch, on a lane
    "pipeline.owner.submitted",  // a chunk to the device
    "pipeline.owner.read",       // the device has read the chunk, nobody knows
    "pipeline.owner.released",   // has said so
    "pipeline.owner.ended",      // the last work of a batch is with the device
    "pipeline.owner.complete",   // the result slot is complete, nobody knows
    "pipeline.owner.reported",
});

/// For tests: the place of a step; costs one relaxed load otherwise. See CrashPoints.
inline void slot_step(CrashStep<slot_step_names> step) noexcept { CrashPoints::reached(step.point()); }

}  // namespace forebay
