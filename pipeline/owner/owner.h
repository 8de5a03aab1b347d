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
///  2. The only places that wait for the device are settle_oldest() and, after a failure, fail().
///  3. A failure that is not sticky ends the part of its lane and nothing else: it is reported once nothing
///  of the part is under
///     way, and whatever else comes for the part is ignored. A sticky one ends the process.
class Owner {
 public:
  Owner(Channel& channel, std::unique_ptr<Backend> backend, const OwnerSetup& setup);

  /// Maps and page-locks strip or result slot `number`. Blocks.
  void adopt_memory(std::uint32_t number, UniqueFd fd);
  void load_stage(const DeviceStageMessage& stage);
  /// It has said that it takes work: what fails from then on may be a batch's fault.
  [[nodiscard]] bool at_work() const noexcept { return at_work_; }
  /// Serves until the channel closes. Throws BackendError (sticky), Error(protocol).
  void serve();

 private:
  struct Pending {
    Ticket ticket;
    bool is_batch = false;
    ChunkReleased released;
    BatchDone done;
  };
  struct LaneState {
    enum class Phase : std::uint8_t { idle, building, failed };
    Phase phase = Phase::idle;
    std::uint64_t batch = 0;
    std::uint32_t rows = 0;  ///< of the part, at most
    std::chrono::steady_clock::duration busy_time{};
  };

  void handle(const Received& received);
  void handle(const BeginBatch& message);
  void handle(const AddChunk& message);
  void handle(const EndBatch& message);
  /// Runs a call of the backend for a lane. False where it failed and the lane's part with it; throws what is
  /// sticky.
  template <typename Call>
  [[nodiscard]] bool attempt(std::uint32_t lane, Call&& call);
  void fail(std::uint32_t lane, const BackendError& error);
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
  bool at_work_ = false;
  std::deque<Pending> pending_;  // bounded by slots and lanes
};

}  // namespace forebay
