#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "device/backend.h"
#include "device/ops/prepare.h"
#include "host/channel/channel.h"
#include "host/process/function.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/flow/slot_layout.h"

/// Every message between coordinator, workers and owner: fixed-size plain data, its type first, the
/// protocol's version beside it. A worker or owner leaves when its channel closes: there is no stop message
/// that could be lost.
namespace forebay {

inline constexpr std::uint32_t protocol_version = 1;

enum class MessageType : std::uint32_t {
  worker_setup = 1,  // coordinator -> worker, with the strip's descriptor
  host_stage,        // coordinator -> worker, one per stage, after the set-up
  hello,             // worker -> coordinator: ready for jobs
  job,               // coordinator -> worker, with a descriptor per file
  chunk_done,        // worker -> coordinator
  owner_open,        // coordinator -> owner: open this device
  owner_opened,      // owner -> coordinator: opened, or why not
  owner_setup,       // coordinator -> owner
  owner_memory,      // coordinator -> owner, with one descriptor: a strip, or a result slot
  device_stage,      // coordinator -> owner, one per stage
  owner_ready,       // owner -> coordinator: everything page-locked
  begin_batch,       // coordinator -> owner
  add_chunk,         // coordinator -> owner
  end_batch,         // coordinator -> owner
  chunk_released,    // owner -> coordinator: the slot has been read
  batch_done,        // owner -> coordinator: the rows of this part are in the result slot
  batch_failed,      // owner -> coordinator: this part failed, the lane is free again
  owner_failed,      // owner -> coordinator: last words before it exits
};

template <MessageType Type>
struct MessageHead {
  static constexpr MessageType message_type = Type;
  MessageType type = Type;
  std::uint32_t version = protocol_version;
};

struct WorkerSetup : MessageHead<MessageType::worker_setup> {
  std::uint32_t slots = 0;
  std::uint32_t host_stages = 0;
  std::uint64_t payload_bytes = 0;
  PrepareOptions prepare;
  DecodeOptions decode;
  std::uint8_t regions = 0;             ///< 1: leave regions to the owner (owner placement)
  std::uint64_t item_memory_bytes = 0;  ///< of one item, beyond what the worker has; 0: no limit
  std::uint8_t files = 1;               ///< 0: items have no file; host stages make them
  std::uint8_t may_end = 1;             ///< 0: the worker is a thread of the coordinator
};

struct HostStageMessage : MessageHead<MessageType::host_stage> {
  FunctionId function;
};

struct Hello : MessageHead<MessageType::hello> {};

/// Work for a slot: items [first_item + resume_at, first_item + count); what lies before is finished and
/// kept.
struct Job : MessageHead<MessageType::job> {
  std::uint32_t slot = 0;
  std::uint32_t count = 0;
  std::uint32_t resume_at = 0;
  std::uint32_t reserved = 0;
  std::uint64_t generation = 0;
  std::uint64_t first_item = 0;
  std::uint64_t payload_used = 0;
  std::uint64_t skip_mask = 0;  ///< bit per position: failed already, no descriptor was passed
  std::uint64_t epoch = 0;
  std::array<std::uint64_t, chunk_items_max> items{};  ///< by position: the number of its entry in the source
};

/// `done` items are in the slot: all of the job's, or fewer where the slot is full.
struct ChunkDone : MessageHead<MessageType::chunk_done> {
  std::uint32_t slot = 0;
  std::uint32_t done = 0;
  std::uint64_t generation = 0;
};

struct OwnerOpen : MessageHead<MessageType::owner_open> {
  Device device;
  std::uint32_t threads = 1;
};

struct OwnerOpened : MessageHead<MessageType::owner_opened> {
  std::uint32_t error = 0;       ///< 0, or 1 + ErrorCode
  std::array<char, 256> text{};  ///< the device's name, or the error's message
};

struct OwnerSetup : MessageHead<MessageType::owner_setup> {
  std::uint32_t strips = 0;
  std::uint32_t slots = 0;
  std::uint64_t payload_bytes = 0;
  std::uint32_t results = 0;
  std::uint32_t rows_max = 0;
  std::uint64_t result_bytes = 0;
  std::uint32_t device_stages = 0;
  FinishOptions finish;
};

struct OwnerMemory : MessageHead<MessageType::owner_memory> {
  std::uint32_t number = 0;  ///< strips first, then results
};

struct DeviceStageMessage : MessageHead<MessageType::device_stage> {
  std::array<char, 256> name{};
  std::array<char, 1024> module{};
};

struct OwnerReady : MessageHead<MessageType::owner_ready> {};

/// A batch, or a part of one: at most `rows` rows, into the result slot from `first_row` on.
struct BeginBatch : MessageHead<MessageType::begin_batch> {
  std::uint32_t lane = 0;
  std::uint32_t result = 0;
  std::uint64_t batch = 0;
  std::uint32_t first_row = 0;
  std::uint32_t rows = 0;
};

/// Bytes [payload_begin, payload_end) of a slot: what the device needs of it. Offsets of `ops` count from
/// payload_begin.
struct AddChunk : MessageHead<MessageType::add_chunk> {
  std::uint32_t lane = 0;
  std::uint32_t strip = 0;
  std::uint32_t slot = 0;
  std::uint32_t items = 0;
  std::uint64_t generation = 0;
  std::uint64_t payload_begin = 0;
  std::uint64_t payload_end = 0;
  std::array<ItemOp, chunk_items_max> ops;
};

struct EndBatch : MessageHead<MessageType::end_batch> {
  std::uint32_t lane = 0;
  std::uint32_t rows = 0;
};

struct ChunkReleased : MessageHead<MessageType::chunk_released> {
  std::uint32_t strip = 0;
  std::uint32_t slot = 0;
  std::uint64_t generation = 0;
  std::uint32_t finished = 0;  ///< 1: its rows are in the result slot as they are to be
  std::uint32_t reserved = 0;
};

struct BatchDone : MessageHead<MessageType::batch_done> {
  std::uint32_t lane = 0;
  std::uint32_t reserved = 0;
  std::uint64_t batch = 0;
  std::uint64_t busy_us = 0;  ///< the owner's time on this batch
};

/// Sent once nothing of the part reads a slot or writes the result slot any more. What the coordinator sent
/// for this lane in the meantime is not answered: the next that counts is a BeginBatch.
struct BatchFailed : MessageHead<MessageType::batch_failed> {
  std::uint32_t lane = 0;
  BackendError::Kind kind = BackendError::Kind::recoverable;  ///< or out_of_memory
  std::uint64_t batch = 0;
  std::array<char, 256> text{};
};

struct OwnerFailed : MessageHead<MessageType::owner_failed> {
  std::uint32_t error = 0;   ///< 1 + ErrorCode
  std::uint8_t at_work = 0;  ///< 1: it had said that it is ready
  std::array<char, 256> text{};
};

/// The type of a received message; nothing if it is no message of this protocol version.
[[nodiscard]] inline std::optional<MessageType> type_of(const Received& received) noexcept {
  std::array<std::uint32_t, 2> head{};
  if (received.size < sizeof(head)) return std::nullopt;
  std::memcpy(head.data(), received.bytes.data(), sizeof(head));
  if (head[1] != protocol_version) return std::nullopt;
  return static_cast<MessageType>(head[0]);
}

/// The message as T if it is one.
template <typename T>
[[nodiscard]] std::optional<T> message_as(const Received& received) {
  if (type_of(received) != T::message_type) return std::nullopt;
  return received.as<T>();
}

/// Copies text into a fixed, zero-terminated field; cuts what does not fit.
template <std::size_t N>
void set_text(std::array<char, N>& field, std::string_view text) noexcept {
  field.fill('\0');
  const std::size_t size = text.size() < N - 1 ? text.size() : N - 1;
  std::memcpy(field.data(), text.data(), size);
}

/// The text of a field that a peer may have left unterminated.
template <std::size_t N>
[[nodiscard]] std::string text_of(const std::array<char, N>& field) {
  return {field.data(), ::strnlen(field.data(), N)};
}

}  // namespace forebay
