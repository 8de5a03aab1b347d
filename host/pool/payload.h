#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "host/channel/channel.h"
#include "host/codec/encoded.h"
#include "host/memory/sealed_memory.h"
#include "host/memory/unique_fd.h"
#include "host/pool/crew_link.h"

namespace forebay {

/// What a ring does not carry: a payload beyond crew_inline_bytes_max, in sealed memory of its own, and
/// descriptors. Travels over a worker's channel.
class Payload {
 public:
  /// Ready to be sent: the bytes are in shared memory, unless they are few.
  [[nodiscard]] static Payload make(const Encoded& encoded);
  /// Sends what make() made; `encoded` must be the same. Non-blocking.
  [[nodiscard]] SendResult try_send(Channel& channel, std::uint64_t serial, const Encoded& encoded) const;
  /// Both, waiting for room until the deadline. Throws Error(timeout), and Error(peer_died) where the channel
  /// is closed.
  static void send(Channel& channel, std::uint64_t serial, const Encoded& encoded,
                   std::chrono::steady_clock::time_point deadline);

  /// The payload that must be next in the channel, since the ring announced it. Throws Error(protocol) where
  /// it is not.
  [[nodiscard]] static Payload receive(Channel& channel, std::uint64_t serial);

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return shared_.bytes().empty() ? std::span<const std::byte>(few_) : shared_.bytes().first(size_);
  }
  [[nodiscard]] std::span<UniqueFd> fds() noexcept { return fds_; }

 private:
  SealedMemory shared_;
  std::size_t size_ = 0;
  std::vector<std::byte> few_;
  std::vector<UniqueFd> fds_;
};

}  // namespace forebay
