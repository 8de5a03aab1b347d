#include "host/pool/payload.h"

#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/memory/memory_budget.h"

namespace forebay {
namespace {

/// Few bytes go in the message itself, behind its note.
constexpr std::size_t few_bytes_max = limits::message_bytes_max - sizeof(PayloadNote);

}  // namespace

Payload Payload::make(const Encoded& encoded) {
  Payload payload;
  payload.size_ = encoded.bytes.size();
  if (payload.size_ <= few_bytes_max) return payload;
  if (payload.size_ >= limits::admitted_range_bytes_min) {
    MemoryBudget::read().admit(payload.size_, "the arguments or result of a task", "pass less at a time");
  }
  payload.shared_ = SealedMemory::create("forebay-payload", payload.size_);
  std::memcpy(payload.shared_.bytes().data(), encoded.bytes.data(), payload.size_);
  return payload;
}

SendResult Payload::try_send(Channel& channel, std::uint64_t serial, const Encoded& encoded) const {
  std::array<std::byte, limits::message_bytes_max> message;
  const bool in_memory = size_ > few_bytes_max;
  const PayloadNote note{serial, size_, in_memory ? 1U : 0U, 0};
  std::memcpy(message.data(), &note, sizeof(note));
  std::size_t length = sizeof(note);
  if (!in_memory && size_ != 0) {
    std::memcpy(message.data() + length, encoded.bytes.data(), size_);
    length += size_;
  }
  std::vector<int> fds;
  fds.reserve(encoded.fds.size() + 1);
  for (const UniqueFd& fd : encoded.fds) fds.push_back(fd.get());
  if (in_memory) fds.push_back(shared_.fd());
  if (fds.size() > limits::message_fds_max) {
    throw Error(ErrorCode::usage, "a task carries at most " + std::to_string(limits::message_fds_max - 1) +
                                      " descriptors and large ranges; pass fewer at a time");
  }
  return channel.try_send_bytes({message.data(), length}, fds);
}

void Payload::send(Channel& channel, std::uint64_t serial, const Encoded& encoded,
                   std::chrono::steady_clock::time_point deadline) {
  const Payload payload = make(encoded);
  while (true) {
    const SendResult result = payload.try_send(channel, serial, encoded);
    if (result == SendResult::sent) return;
    if (result == SendResult::closed) throw Error(ErrorCode::peer_died, "the pool's process has ended");
    if (!channel.writable_until(deadline)) {
      throw Error(ErrorCode::timeout, "the pool took no message for a long time");
    }
  }
}

Payload Payload::receive(Channel& channel, std::uint64_t serial) {
  const auto received = std::make_unique<Received>();
  if (channel.try_receive(*received) != ReceiveResult::received || received->size < sizeof(PayloadNote)) {
    throw Error(ErrorCode::protocol, "a payload was announced, but none came");
  }
  PayloadNote note;
  std::memcpy(&note, received->bytes.data(), sizeof(note));
  Payload payload;
  payload.size_ = static_cast<std::size_t>(note.bytes);
  payload.fds_ = std::move(received->fds);
  const std::size_t behind = received->size - sizeof(note);
  const bool whole =
      note.in_memory != 0 ? behind == 0 && !payload.fds_.empty() && note.bytes != 0 : behind == payload.size_;
  if (note.serial != serial || !whole) {
    throw Error(ErrorCode::protocol, "a payload came that is not the one announced");
  }
  if (note.in_memory != 0) {
    payload.shared_ = SealedMemory::open(std::move(payload.fds_.back()), payload.size_);
    payload.fds_.pop_back();
  } else {
    payload.few_.assign(received->bytes.begin() + sizeof(note),
                        received->bytes.begin() + static_cast<std::ptrdiff_t>(received->size));
  }
  return payload;
}

}  // namespace forebay
