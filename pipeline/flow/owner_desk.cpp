#include "pipeline/flow/owner_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "host/contract.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/process/process_info.h"

namespace forebay {

OwnerDesk::OwnerDesk(const RunShape& shape, const PipelineOptions& options, std::vector<DeviceStage> stages,
                     std::vector<std::shared_ptr<SealedMemory>> results, WorkerPool& pool, SlotTable& slots,
                     Handover& handover, StatsBoard& stats, Poller& poller, const PatientClock& clock,
                     BatchGrid grid)
    : shape_(shape),
      options_(options),
      stages_(std::move(stages)),
      results_(std::move(results)),
      pool_(pool),
      slots_(slots),
      handover_(handover),
      stats_(stats),
      poller_(poller),
      ready_(std::move(grid), options.order),
      clock_(clock),
      attempts_(options.attempts),
      trouble_(options.batch, attempts_) {
  for (std::uint32_t i = 0; i < results_.size(); ++i) free_results_.push_back(i);
  for (std::uint32_t i = 0; i < lanes_.size(); ++i) lanes_[i].set_number(i);
}

void OwnerDesk::start(std::unique_ptr<OwnerLink> link) {
  link_ = std::move(link);
  owner_ready_ = was_ready_ = false;
  words_.clear();
  failed_.reset();
  replaced_.clear();
  batches_failed_ = 0;
  watch_.started(clock_.now());
  allow(limits::owner_start);
  ended_.reset();
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

bool OwnerDesk::idle() const noexcept {
  return std::none_of(lanes_.begin(), lanes_.end(), [](const BatchLane& lane) { return lane.busy(); });
}

std::uint64_t OwnerDesk::end_of(const BatchLane& lane) const {
  const std::uint64_t end = ready_.batch_end(lane.batch());
  return cut_ ? std::min(end, *cut_) : end;
}

bool OwnerDesk::in_turn(const BatchLane& lane) const {
  if (!trouble_.careful()) return true;
  return trouble_.careful(lane.batch()) &&
         std::none_of(lanes_.begin(), lanes_.end(), [&](const BatchLane& other) {
           if (&other == &lane || !other.busy()) return false;
           return other.open() || (trouble_.careful(other.batch()) && other.batch() < lane.batch());
         });
}

void OwnerDesk::take_batches(bool starved) {
  while (!free_results_.empty()) {
    const auto lane =
        std::find_if(lanes_.begin(), lanes_.end(), [](const BatchLane& l) { return !l.busy(); });
    if (lane == lanes_.end()) return;
    const std::optional<std::uint64_t> batch = ready_.pick_batch(starved);
    if (!batch) return;
    lane->take(*batch, ready_.batch_begin(*batch), free_results_.back());
    free_results_.pop_back();
  }
}

void OwnerDesk::begin_part(BatchLane& lane) {
  const std::uint32_t rows = trouble_.part_rows(lane.batch());
  const bool streams = rows == options_.batch && !trouble_.careful(lane.batch());
  const bool whole = streams && lane.cursor() == ready_.batch_begin(lane.batch());
  const std::uint64_t left = ready_.batch_end(lane.batch()) - lane.cursor();
  const std::uint32_t planned =
      whole ? rows : static_cast<std::uint32_t>(std::min<std::uint64_t>(rows, left));
  link_->send(lane.begin(planned, streams));
}

void OwnerDesk::fill(BatchLane& lane) {
  const bool stop_at_failure = options_.on_error == OnError::fail;
  while (lane.cursor() < end_of(lane)) {
    std::optional<Chunk> chunk = ready_.take(lane.cursor());
    if (!chunk) return;
    const std::uint64_t end = chunk->end_item();
    if (const std::optional<AddChunk> message = lane.add(std::move(*chunk), stop_at_failure, slots_))
      link_->send(*message);
    if (const std::optional<std::uint64_t> failed = lane.failed_item())
      cut_ = std::min(cut_.value_or(*failed + 1), *failed + 1);
    if (lane.cursor() < end) return;  // the rest is for the next part, or for nobody
  }
}

void OwnerDesk::advance(BatchLane& lane, bool starved, bool stopping) {
  if (!lane.busy()) return;
  if (!lane.open()) {
    if (is_over(lane, stopping)) return finish(lane);
    // Not before there is something to build: a part that fails at once would be tried again at once.
    if (!ready_.has(lane.cursor()) || !in_turn(lane)) return;
    begin_part(lane);
  }
  if (lane.ended()) return;
  fill(lane);
  const bool over = stopping || lane.cursor() >= end_of(lane);
  const bool cut_short = !lane.streams() && lane.full();
  // A part that keeps its slots could wait for a slot for ever; one out of turn holds up the batch in
  // trouble.
  const bool yields = !lane.streams() && starved && lane.cursor() > lane.part().first_item;
  if (over || cut_short || yields || (trouble_.careful() && !trouble_.careful(lane.batch())))
    link_->send(lane.end());
}

bool OwnerDesk::is_over(const BatchLane& lane, bool stopping) const {
  return lane.busy() && !lane.open() && (stopping || lane.cursor() >= end_of(lane));
}

void OwnerDesk::pump(bool starved, bool stopping) {
  for (BatchLane& lane : lanes_) {
    if (is_over(lane, stopping)) finish(lane);  // which needs no owner
  }
  if (owner_ready_) {
    if (!cut_ && !stopping && !trouble_.careful()) take_batches(starved);
    for (BatchLane& lane : lanes_) advance(lane, starved, stopping);
    watch_writes();
  }
  settle_held(stopping);
}

void OwnerDesk::on_done(BatchLane& lane, const BatchDone& done) {
  const std::uint32_t rows = lane.part().rows;
  const std::uint64_t bytes = rows * shape_.row_bytes;
  owner_stats_.busy_s += static_cast<double>(done.busy_us) * 1e-6;
  stats_.update([&](RunStats& stats) {
    stats.payload_bytes_written += bytes;
    stats.stage_busy_s["owner"] += static_cast<double>(done.busy_us) * 1e-6;
    stats.owner = owner_stats_;
  });
  trouble_.succeeded(lane.batch(), rows);
  const std::chrono::milliseconds whole =
      options_.item_timeout.value_or(limits::worker_silence) * options_.batch;
  allow(std::clamp<std::chrono::milliseconds>(whole, limits::owner_batch_min, limits::owner_start));
  for (Chunk& chunk : lane.complete(slots_).ready) ready_.offer(std::move(chunk));
  deliver_proven();
  if (lane.cursor() >= end_of(lane)) finish(lane);
}

void OwnerDesk::deliver_proven() {
  if (trouble_.unproven()) return;
  for (BatchResult& result : std::exchange(held_, {})) handover_.offer_result(std::move(result));
}

void OwnerDesk::finish(BatchLane& lane) {
  trouble_.finished(lane.batch());
  BatchResult result = lane.finish();
  if (trouble_.unproven()) {
    held_.push_back(std::move(result));
  } else {
    handover_.offer_result(std::move(result));
  }
}

void OwnerDesk::settle_held(bool stopping) {
  if (held_.empty() || !idle()) return;
  if (!free_results_.empty() && !ready_.exhausted() && !cut_ && !stopping) return;  // the next row will tell
  if (!trouble_.ever_succeeded() && !stopping) {
    throw Error(ErrorCode::device,
                fmt::format("the device failed at every item that it was given, the last time: {}; check it "
                            "with forebay doctor",
                            last_failure_));
  }
  for (BatchResult& result : std::exchange(held_, {})) {
    if (trouble_.ever_succeeded()) handover_.offer_result(std::move(result));
  }
}

void OwnerDesk::give_back_slots() {
  for (std::uint32_t worker = 0; worker < pool_.size(); ++worker) {
    while (pool_.lacks_slot(worker)) {
      BatchLane* oldest = nullptr;
      for (BatchLane& lane : lanes_) {
        if (lane.holds_read(worker) && (oldest == nullptr || lane.batch() < oldest->batch())) oldest = &lane;
      }
      if (oldest == nullptr) break;
      oldest->give_back(worker, slots_);
    }
  }
}

void OwnerDesk::on_channel() {
  while (link_) {
    const ReceiveResult result = link_->channel().try_receive(received_);
    if (result == ReceiveResult::would_block) return;
    if (result == ReceiveResult::closed) {
      if (watched_) poller_.remove(link_->channel().fd());
      watched_ = false;
      owner_ready_ = false;
      return;
    }
    watch_.heard(clock_.now());
    if (const auto released = message_as<ChunkReleased>(received_)) {
      for (BatchLane& lane : lanes_) {
        lane.mark_read({released->strip, released->slot, released->generation}, released->finished != 0);
      }
    } else if (const auto done = message_as<BatchDone>(received_)) {
      if (done->lane >= lanes_.size()) continue;
      BatchLane& lane = lanes_[done->lane];
      if (lane.open() && lane.ended() && lane.batch() == done->batch) on_done(lane, *done);
    } else if (const auto failed = message_as<BatchFailed>(received_)) {
      if (failed->lane >= lanes_.size()) continue;
      BatchLane& lane = lanes_[failed->lane];
      if (lane.open() && lane.batch() == failed->batch) on_failed(lane, *failed);
    } else if (const auto last = message_as<OwnerFailed>(received_)) {
      words_ = text_of(last->text);
      if (last->error != 0) failed_ = static_cast<ErrorCode>(last->error - 1);
    } else if (message_as<OwnerReady>(received_)) {
      owner_ready_ = was_ready_ = true;
      watch_.ready();
      setup_failures_ = 0;
    } else if (const auto opened = message_as<OwnerOpened>(received_)) {
      if (opened->error == 0) continue;
      words_ = text_of(opened->text);
      failed_ = static_cast<ErrorCode>(opened->error - 1);
    }
  }
}

void OwnerDesk::on_writable() {
  link_->flush();
  watch_writes();
}

void OwnerDesk::tick() {
  const std::optional<std::uint64_t> peak = peak_rss_bytes(owner_stats_.pid);
  if (peak) owner_stats_.peak_rss_bytes = std::max(owner_stats_.peak_rss_bytes, *peak);
  stats_.update([&](RunStats& stats) { stats.owner = owner_stats_; });
  look();
}

void OwnerDesk::give_up_on_owner(const std::string& why) {
  words_ = why;
  failed_ = ErrorCode::timeout;
  end_owner();
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
