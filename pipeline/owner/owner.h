#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "device/backend.h"
#include "host/memory/sealed_memory.h"
#include "pipeline/flow/messages.h"
#include "pipeline/flow/strip.h"

namespace forebay {

/// The owner's work: turns messages into calls of one Backend, and completed tickets into messages. One
/// thread.
///
/// Invariants:
///  1. Tickets complete in the order in which they were issued per lane; the queue is walked from the front,
///  so a slot is
///     reported released only after the device has read it, and a batch only after its result is complete.
///  2. The only place that waits for the device is settle_oldest().
class Owner {
 public:
  Owner(Channel& channel, std::unique_ptr<Backend> backend, const OwnerSetup& setup);

  /// Maps and page-locks strip or result slot `number`. Blocks.
  void adopt_memory(std::uint32_t number, UniqueFd fd);
  void load_stage(const DeviceStageMessage& stage);
  /// Serves until the channel closes. Throws BackendError, Error(protocol).
  void serve();

 private:
  struct Pending {
    Ticket ticket;
    bool is_batch = false;
    ChunkReleased released;
    BatchDone done;
  };
  struct LaneState {
    bool busy = false;
    std::uint64_t batch = 0;
    std::uint32_t result = 0;
    std::chrono::steady_clock::duration busy_time{};
  };

  void handle(const Received& received);
  void handle(const BeginBatch& message);
  void handle(const AddChunk& message);
  void handle(const EndBatch& message);
  void settle_completed();
  void settle_oldest();
  void report(const Pending& pending);
  template <typename T>
  void send(const T& message);
  [[nodiscard]] LaneState& lane_of(std::uint32_t number);

  Channel& channel_;
  std::unique_ptr<Backend> backend_;
  OwnerSetup setup_;
  std::vector<Strip> strips_;
  std::vector<SealedMemory> results_;
  std::vector<std::uint32_t> stages_;
  std::vector<LaneState> lanes_;
  std::deque<Pending> pending_;  // bounded by slots and lanes
};

}  // namespace forebay
