#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/channel/poller.h"
#include "host/memory/sealed_memory.h"
#include "host/process/child.h"
#include "pipeline/flow/messages.h"
#include "pipeline/flow/run_shape.h"
#include "pipeline/pipeline.h"

namespace forebay {

/// The owner process as the coordinator sees it: started, told which device, given all memory, and sent work
/// through an outbox that never blocks. One thread at a time (the starter's, then the flow's).
class OwnerLink {
 public:
  /// Spawns an owner that opens `device`. Throws Error(spawn).
  OwnerLink(const Device& device, unsigned threads);

  /// Waits for the device to be opened and returns its name. Throws what the owner reports (no_device …), or
  /// Error(timeout | peer_died).
  [[nodiscard]] std::string wait_opened();

  /// Hands over strips, result slots and stages; the owner answers OwnerReady when everything is page-locked.
  void send_setup(const RunShape& shape, const FinishOptions& finish, std::uint32_t rows_max,
                  const std::vector<int>& strips, const std::vector<std::shared_ptr<SealedMemory>>& results,
                  const std::vector<DeviceStage>& stages);

  /// Queues a message and sends what the channel takes.
  template <typename T>
  void send(const T& message) {
    post({reinterpret_cast<const std::byte*>(&message), sizeof(T)}, UniqueFd());
  }
  /// Sends what waits. True if everything is out.
  bool flush();
  [[nodiscard]] bool has_unsent() const noexcept { return !outbox_.empty(); }

  [[nodiscard]] Child& child() noexcept { return child_; }
  [[nodiscard]] Channel& channel() noexcept { return child_.channel(); }
  [[nodiscard]] std::chrono::steady_clock::time_point started() const noexcept { return started_; }

 private:
  /// The first message; nothing after limits::owner_start. Throws Error(peer_died) where the owner is
  /// stopped.
  [[nodiscard]] ReceiveResult receive_first(Received& received);

  struct Letter {
    std::vector<std::byte> bytes;
    UniqueFd fd;
  };
  void post(std::span<const std::byte> message, UniqueFd fd);

  Child child_;
  std::deque<Letter> outbox_;  // bounded: set-up plus one letter per slot and lane
  std::chrono::steady_clock::time_point started_;
};

}  // namespace forebay
