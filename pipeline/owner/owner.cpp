#include "pipeline/owner/owner.h"

#include <utility>

#include "device/ops/image_view.h"
#include "device/ops/resample_table.h"
#include "host/contract.h"
#include "host/error.h"
#include "host/limits.h"
#include "pipeline/flow/slot_life.h"

namespace forebay {
namespace {

/// Offsets come from the coordinator, which validated them; checked again here because a wrong one would
/// reach the device.
bool op_lies_within(const ItemOp& op, const FinishOptions& finish, std::uint64_t used, std::uint32_t rows) {
  const auto within = [used](std::uint64_t offset, std::uint64_t bytes) {
    return offset <= used && bytes <= used - offset;
  };
  if (op.row >= rows || op.width == 0 || op.height == 0) return false;
  if (!within(op.pixels, std::uint64_t{op.width} * op.height * rgb_bytes)) return false;
  if (op.horizontal_taps == 0) return op.width == finish.width && op.height == finish.height;
  constexpr std::uint64_t word = sizeof(std::int32_t);
  return op.vertical_taps > 0 && op.horizontal % word == 0 && op.vertical % word == 0 &&
         within(op.horizontal, resample_table_words(finish.width, op.horizontal_taps) * word) &&
         within(op.vertical, resample_table_words(finish.height, op.vertical_taps) * word);
}

}  // namespace

Owner::Owner(Channel& channel, std::unique_ptr<Backend> backend, const OwnerSetup& setup)
    : channel_(channel), backend_(std::move(backend)), setup_(setup), lanes_(Backend::lanes_max) {}

void Owner::adopt_memory(std::uint32_t number, UniqueFd fd) {
  if (number < setup_.strips) {
    expect(number == strips_.size(), "strips arrive in order");
    strips_.push_back(Strip::open(std::move(fd), {setup_.slots, setup_.payload_bytes}));
    backend_->pin(strips_.back().bytes());
    return;
  }
  results_.push_back(SealedMemory::open(std::move(fd), setup_.result_bytes));
  backend_->pin(results_.back().bytes());
}

void Owner::load_stage(const DeviceStageMessage& stage) {
  stages_.push_back(backend_->load_stage(text_of(stage.module), text_of(stage.name)));
}

template <typename T>
void Owner::send(const T& message) {
  const auto deadline = std::chrono::steady_clock::now() + limits::worker_silence;
  const SendResult result =
      channel_.send_until({reinterpret_cast<const std::byte*>(&message), sizeof(T)}, {}, deadline);
  if (result == SendResult::would_block)
    throw Error(ErrorCode::timeout, "the coordinator does not read the owner's messages");
}

void Owner::serve() {
  send(OwnerReady{});
  at_work_ = true;
  slot_step("pipeline.owner.ready");
  const auto received = std::make_unique<Received>();
  while (true) {
    settle_completed();
    ReceiveResult result = channel_.try_receive(*received);
    if (result == ReceiveResult::would_block) {
      if (!pending_.empty()) {
        settle_oldest();
        continue;
      }
      result = channel_.receive_until(*received, std::chrono::steady_clock::now() + limits::idle_poll);
    }
    if (result == ReceiveResult::closed) return;
    if (result == ReceiveResult::received) handle(*received);
  }
}

void Owner::handle(const Received& received) {
  if (const auto begin = message_as<BeginBatch>(received)) return handle(*begin);
  if (const auto chunk = message_as<AddChunk>(received)) return handle(*chunk);
  if (const auto end = message_as<EndBatch>(received)) return handle(*end);
  throw Error(ErrorCode::protocol, "the coordinator sent something that is no message for an owner");
}

Owner::LaneState& Owner::lane_of(std::uint32_t number) {
  if (number >= lanes_.size())
    throw Error(ErrorCode::protocol, "the coordinator named a lane that does not exist");
  return lanes_[number];
}

template <typename Call>
bool Owner::attempt(std::uint32_t number, Call&& call) {
  const auto begin = std::chrono::steady_clock::now();
  try {
    std::forward<Call>(call)();
  } catch (const BackendError& error) {
    if (error.kind() == BackendError::Kind::sticky) throw;
    fail(number, error);
    return false;
  }
  lanes_[number].busy_time += std::chrono::steady_clock::now() - begin;
  return true;
}

void Owner::fail(std::uint32_t number, const BackendError& error) {
  LaneState& lane = lanes_[number];
  try {
    backend_->abandon(number);
  } catch (const BackendError& second) {
    // Nobody knows what still reads the slots: only the end of this process makes that sure.
    throw BackendError(BackendError::Kind::sticky, std::string(error.what()) + "; then: " + second.what());
  }
  std::erase_if(pending_, [number](const Pending& pending) { return pending.ticket.lane == number; });
  lane.phase = LaneState::Phase::failed;
  BatchFailed failed;
  failed.lane = number;
  failed.kind = error.kind();
  failed.batch = lane.batch;
  set_text(failed.text, error.what());
  send(failed);
}

void Owner::handle(const BeginBatch& message) {
  LaneState& lane = lane_of(message.lane);
  if (message.result >= results_.size() || message.rows > setup_.rows_max ||
      message.first_row > setup_.rows_max - message.rows)
    throw Error(ErrorCode::protocol, "no such result slot");
  lane = {LaneState::Phase::building, message.batch, message.rows, {}};
  const std::span<std::byte> result =
      results_[message.result].bytes().subspan(message.first_row * finished_row_bytes(setup_.finish));
  if (attempt(message.lane, [&] {
        backend_->begin_batch(message.lane, {setup_.finish, message.rows}, result);
      }))
    slot_step("pipeline.owner.begun");
}

void Owner::handle(const AddChunk& message) {
  const LaneState& lane = lane_of(message.lane);
  if (lane.phase == LaneState::Phase::failed) return;
  if (lane.phase != LaneState::Phase::building || message.strip >= strips_.size() ||
      message.slot >= setup_.slots || message.items > chunk_items_max ||
      message.payload_end > setup_.payload_bytes || message.payload_begin > message.payload_end ||
      message.payload_begin % limits::payload_alignment != 0) {
    throw Error(ErrorCode::protocol, "the coordinator sent a chunk that does not exist");
  }
  const std::span<const ItemOp> ops(message.ops.data(), message.items);
  const std::uint64_t bytes = message.payload_end - message.payload_begin;
  for (const ItemOp& op : ops) {
    if (!op_lies_within(op, setup_.finish, bytes, lane.rows)) {
      throw Error(ErrorCode::protocol, "the coordinator sent an operation outside of its chunk");
    }
  }
  const std::span<const std::byte> chunk =
      strips_[message.strip].payload(message.slot).subspan(message.payload_begin, bytes);
  Pending pending;
  if (!attempt(message.lane, [&] { pending.ticket = backend_->add_chunk(message.lane, chunk, ops); })) return;
  pending.released.strip = message.strip;
  pending.released.slot = message.slot;
  pending.released.generation = message.generation;
  pending.released.finished = backend_->finishes_chunks() && stages_.empty() ? 1 : 0;
  pending_.push_back(pending);
  slot_step("pipeline.owner.submitted");
}

void Owner::handle(const EndBatch& message) {
  LaneState& lane = lane_of(message.lane);
  if (lane.phase == LaneState::Phase::failed) return;
  if (lane.phase != LaneState::Phase::building || message.rows > lane.rows)
    throw Error(ErrorCode::protocol, "the coordinator ended no batch");
  Pending pending;
  pending.is_batch = true;
  if (!attempt(message.lane,
               [&] { pending.ticket = backend_->end_batch(message.lane, message.rows, stages_); }))
    return;
  pending.done.lane = message.lane;
  pending.done.batch = lane.batch;
  pending_.push_back(pending);
  slot_step("pipeline.owner.ended");
}

void Owner::report(const Pending& pending) {
  if (!pending.is_batch) {
    slot_step("pipeline.owner.read");
    send(pending.released);
    slot_step("pipeline.owner.released");
    return;
  }
  slot_step("pipeline.owner.complete");
  LaneState& lane = lanes_[pending.done.lane];
  BatchDone done = pending.done;
  done.busy_us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(lane.busy_time).count());
  lane.phase = LaneState::Phase::idle;
  send(done);
  slot_step("pipeline.owner.reported");
}

void Owner::settle_completed() {
  while (!pending_.empty()) {
    const Pending pending = pending_.front();
    bool done = false;
    if (!attempt(pending.ticket.lane, [&] { done = backend_->done(pending.ticket); })) continue;
    if (!done) return;
    pending_.pop_front();
    report(pending);
  }
}

void Owner::settle_oldest() {
  const Pending pending = pending_.front();
  if (!attempt(pending.ticket.lane, [&] { backend_->wait(pending.ticket); })) return;
  pending_.pop_front();
  report(pending);
}

}  // namespace forebay
