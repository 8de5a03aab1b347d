#include "pipeline/flow/owner_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "host/contract.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/process/process_info.h"
#include "pipeline/flow/chunk_records.h"

namespace forebay {
namespace {

ItemOp op_of(const ItemDescriptor& item, std::uint32_t row) {
  ItemOp op;
  op.pixels = static_cast<std::uint32_t>(item.offset);
  op.height = static_cast<std::uint32_t>(item.shape[0]);
  op.width = static_cast<std::uint32_t>(item.shape[1]);
  if (item.kind == ItemKind::region) {
    op.horizontal = item.horizontal;
    op.horizontal_taps = item.horizontal_taps;
    op.vertical = item.vertical;
    op.vertical_taps = item.vertical_taps;
  }
  op.row = row;
  return op;
}

}  // namespace

OwnerDesk::OwnerDesk(const RunShape& shape, const PipelineOptions& options, std::vector<DeviceStage> stages,
                     std::vector<std::shared_ptr<SealedMemory>> results, WorkerPool& pool, SlotTable& slots,
                     Handover& handover, StatsBoard& stats, Poller& poller)
    : shape_(shape),
      options_(options),
      stages_(std::move(stages)),
      results_(std::move(results)),
      pool_(pool),
      slots_(slots),
      handover_(handover),
      stats_(stats),
      poller_(poller),
      ready_(options.batch, options.order) {
  for (std::uint32_t i = 0; i < results_.size(); ++i) free_results_.push_back(i);
}

void OwnerDesk::start(std::unique_ptr<OwnerLink> link) {
  link_ = std::move(link);
  owner_ready_ = false;
  heard_ = std::chrono::steady_clock::now();
  owner_stats_.present = true;
  owner_stats_.pid = link_->child().pid();
  stats_.update([&](RunStats& stats) {
    owner_stats_.device_name = stats.owner.device_name;
    stats.owner = owner_stats_;
  });
  std::vector<int> strips;
  for (std::uint32_t worker = 0; worker < pool_.size(); ++worker) strips.push_back(pool_.strip(worker).fd());
  link_->send_setup(shape_, options_.finish, options_.batch, strips, results_, stages_);
  poller_.add(link_->channel().fd(), channel_tag);
  poller_.add(link_->child().pidfd(), exit_tag);
  watched_ = true;
  watch_writes();
}

void OwnerDesk::watch_writes() {
  if (watched_) poller_.want_write(link_->channel().fd(), channel_tag, link_->has_unsent());
}

std::uint32_t OwnerDesk::number_of(const Lane& lane) const {
  return static_cast<std::uint32_t>(&lane - lanes_.data());
}

bool OwnerDesk::idle() const noexcept {
  return std::none_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.busy; });
}

void OwnerDesk::begin(Lane& lane, std::uint64_t batch) {
  lane = Lane{};
  lane.busy = true;
  lane.batch = batch;
  lane.cursor = ready_.batch_begin(batch);
  lane.result = free_results_.back();
  free_results_.pop_back();
  BeginBatch message;
  message.lane = number_of(lane);
  message.result = lane.result;
  message.batch = batch;
  link_->send(message);
}

void OwnerDesk::add(Lane& lane, Chunk chunk) {
  AddChunk message;
  message.lane = number_of(lane);
  message.strip = chunk.lease->worker;
  message.slot = chunk.lease->slot;
  message.generation = chunk.lease->generation;
  message.payload_used = chunk.payload_used();
  for (std::uint32_t position = 0; position < chunk.count() && !failed_item_; ++position) {
    lane.records.push_back(make_record(chunk, position));
    if (item_succeeded(chunk, position)) {
      message.ops[message.items++] = op_of(chunk.finished[position], lane.rows++);
    } else if (options_.on_error == OnError::fail) {
      failed_item_ = true;
    }
  }
  lane.cursor = chunk.end_item();
  slots_.move(SlotMove::take, *chunk.lease);
  if (message.items == 0) {
    slots_.move(SlotMove::release, *chunk.lease);
    chunk.lease.reset();
  } else {
    link_->send(message);
  }
  lane.sent.push_back(std::move(chunk));
}

void OwnerDesk::end(Lane& lane) {
  EndBatch message;
  message.lane = number_of(lane);
  message.rows = lane.rows;
  link_->send(message);
  lane.ended = true;
}

void OwnerDesk::pump(bool starved, bool stopping) {
  if (!owner_ready_) return;
  while (!failed_item_ && !stopping && !free_results_.empty()) {
    const auto lane = std::find_if(lanes_.begin(), lanes_.end(), [](const Lane& l) { return !l.busy; });
    if (lane == lanes_.end()) break;
    const std::optional<std::uint64_t> batch = ready_.pick_batch(starved);
    if (!batch) break;
    begin(*lane, *batch);
  }
  for (Lane& lane : lanes_) {
    if (!lane.busy || lane.ended) continue;
    while (lane.cursor < ready_.batch_end(lane.batch) && !failed_item_) {
      std::optional<Chunk> chunk = ready_.take(lane.cursor);
      if (!chunk) break;
      add(lane, std::move(*chunk));
    }
    if (lane.cursor >= ready_.batch_end(lane.batch) || stopping || failed_item_) end(lane);
  }
  watch_writes();
}

void OwnerDesk::finish(Lane& lane, const BatchDone& done) {
  const std::uint64_t bytes = lane.rows * shape_.row_bytes;
  owner_stats_.busy_s += static_cast<double>(done.busy_us) * 1e-6;
  stats_.update([&](RunStats& stats) {
    stats.payload_bytes_written += bytes;
    stats.stage_busy_s["owner"] += static_cast<double>(done.busy_us) * 1e-6;
    stats.owner = owner_stats_;
  });
  deaths_without_progress_ = 0;
  BatchResult result;
  result.batch = lane.batch;
  result.result = lane.result;
  result.items = std::move(lane.records);
  lane = Lane{};
  handover_.offer_result(std::move(result));
}

void OwnerDesk::on_channel() {
  while (link_) {
    const ReceiveResult result = link_->channel().try_receive(received_);
    if (result == ReceiveResult::would_block) return;
    if (result == ReceiveResult::closed) {
      poller_.remove(link_->channel().fd());
      watched_ = false;
      owner_ready_ = false;
      return;
    }
    heard_ = std::chrono::steady_clock::now();
    if (const auto released = message_as<ChunkReleased>(received_)) {
      const Lease lease{released->strip, released->slot, released->generation};
      for (Lane& lane : lanes_) {
        for (Chunk& chunk : lane.sent) {
          if (!chunk.lease || chunk.lease->generation != lease.generation) continue;
          if (!slots_.holds(lease, SlotState::in_flight)) continue;
          slots_.move(SlotMove::release, lease);
          chunk.lease.reset();
        }
      }
    } else if (const auto done = message_as<BatchDone>(received_)) {
      if (done->lane >= lanes_.size()) continue;
      Lane& lane = lanes_[done->lane];
      if (lane.busy && lane.ended && lane.batch == done->batch) finish(lane, *done);
    } else if (const auto failed = message_as<OwnerFailed>(received_)) {
      last_words_ = text_of(failed->text);
    } else if (message_as<OwnerReady>(received_)) {
      owner_ready_ = true;
    } else if (const auto opened = message_as<OwnerOpened>(received_)) {
      if (opened->error != 0) last_words_ = text_of(opened->text);
    }
  }
}

std::vector<Chunk> OwnerDesk::on_exit() {
  const auto status = link_->child().wait_until(std::chrono::steady_clock::now() + limits::child_reap);
  if (!status) return {};
  on_channel();  // results that it reported before it died are complete
  if (++deaths_without_progress_ > limits::deaths_without_progress_max) {
    throw Error(
        ErrorCode::device,
        fmt::format("the owner died {} times in a row without finishing a batch, the last with {}{}{}",
                    deaths_without_progress_, describe(*status), last_words_.empty() ? "" : ": ",
                    last_words_));
  }
  std::vector<Chunk> again;
  for (Lane& lane : lanes_) {
    if (!lane.busy) continue;
    for (Chunk& chunk : lane.sent) {
      if (chunk.lease) {
        slots_.move(SlotMove::put_back, *chunk.lease);
        ready_.offer(std::move(chunk));
      } else {
        chunk.finished.clear();
        again.push_back(std::move(chunk));
      }
    }
    ready_.unpick(lane.batch);
    free_results_.push_back(lane.result);
    lane = Lane{};
  }
  failed_item_ = false;  // found again when its chunk is added again
  ++owner_stats_.restarts;
  start(std::make_unique<OwnerLink>(shape_.device, shape_.finish_threads));
  return again;
}

void OwnerDesk::on_writable() {
  link_->flush();
  watch_writes();
}

void OwnerDesk::tick() {
  const auto now = std::chrono::steady_clock::now();
  const std::optional<std::uint64_t> peak = peak_rss_bytes(owner_stats_.pid);
  if (peak) owner_stats_.peak_rss_bytes = std::max(owner_stats_.peak_rss_bytes, *peak);
  stats_.update([&](RunStats& stats) { stats.owner = owner_stats_; });
  const bool waits_for_it = !owner_ready_ || std::any_of(lanes_.begin(), lanes_.end(),
                                                         [](const Lane& l) { return l.busy && l.ended; });
  if (!waits_for_it) heard_ = now;
  if (now - heard_ > limits::owner_start) link_->child().kill_group();
}

void OwnerDesk::stop(bool at_once) noexcept {
  if (!link_) return;
  try {
    if (at_once) link_->child().kill_group();
    link_->channel().close();
    if (!link_->child().wait_until(std::chrono::steady_clock::now() + limits::child_stop)) {
      link_->child().kill_group();
    }
  } catch (const Error&) {
    link_->child().kill_group();  // the destructor reaps
  }
  link_.reset();
}

}  // namespace forebay
