#include "pipeline/flow/worker_pool.h"

#include <algorithm>
#include <utility>

#include "host/contract.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/process/process_info.h"

namespace forebay {

WorkerPool::WorkerPool(const RunShape& shape, WorkerBrief brief, SlotTable& slots, StatsBoard& stats,
                       Poller& poller, const PatientClock& clock, PoolListener& listener)
    : shape_(shape),
      brief_(std::move(brief)),
      limits_{shape.slot_bytes, brief_.prepare.crop},
      slots_(slots),
      stats_(stats),
      poller_(poller),
      clock_(clock),
      listener_(listener),
      blame_(brief_.attempts),
      oom_kills_(oom_kills_since_boot()) {}

void WorkerPool::start() {
  stats_.update([&](RunStats& stats) { stats.workers.resize(shape_.workers); });
  links_.reserve(shape_.workers);
  for (std::uint32_t number = 0; number < shape_.workers; ++number) {
    WorkerLink& link = links_.emplace_back(number, shape_, brief_, clock_);
    link.start(shape_, brief_);
    watch(link);
    publish(link);
  }
}

void WorkerPool::watch(WorkerLink& link) {
  poller_.add(link.channel().fd(), channel_tag | link.number());
  if (link.has_process()) poller_.add(link.child().pidfd(), exit_tag | link.number());
}

void WorkerPool::publish(const WorkerLink& link) {
  stats_.update([&](RunStats& stats) { stats.workers[link.number()] = link.stats(); });
}

std::optional<std::uint32_t> WorkerPool::with_room() const {
  std::optional<std::uint32_t> best;
  for (const WorkerLink& link : links_) {
    const std::size_t owed = link.owed().size();
    if (link.retired() || link.has_unsent() || owed >= limits::worker_credits ||
        slots_.free_slots(link.number()) == 0)
      continue;
    if (!best || owed < links_[*best].owed().size()) best = link.number();
  }
  return best;
}

bool WorkerPool::lacks_slot(std::uint32_t worker) const {
  const WorkerLink& link = links_[worker];
  return !link.retired() && !link.has_unsent() && link.owed().size() < limits::worker_credits &&
         slots_.free_slots(worker) == 0;
}

bool WorkerPool::idle() const noexcept {
  return std::all_of(links_.begin(), links_.end(),
                     [](const WorkerLink& link) { return link.owed().empty(); });
}

void WorkerPool::dispatch(std::uint32_t worker, Chunk chunk) {
  chunk.lease = slots_.lease(worker);
  expect(chunk.lease.has_value(), "a chunk is dispatched to a worker with room");
  if (slots_.refilled(*chunk.lease)) links_[worker].strip().refill(chunk.lease->slot);
  links_[worker].send(std::move(chunk), shape_.files);
}

void WorkerPool::send_waiting() {
  for (WorkerLink& link : links_) link.send_waiting(shape_.files);
}

void WorkerPool::on_channel(std::uint32_t worker) {
  WorkerLink& link = links_[worker];
  while (true) {
    const ReceiveResult result = link.channel().try_receive(received_);
    if (result == ReceiveResult::would_block) return;
    if (result == ReceiveResult::closed) {
      if (!link.has_process())
        throw Error(ErrorCode::peer_died, "the inline worker ended; its line above says why");
      poller_.remove(link.channel().fd());  // the exit is reported by the pidfd
      return;
    }
    link.heard();
    if (const auto done = message_as<ChunkDone>(received_)) {
      on_chunk_done(link, *done);
    } else if (!message_as<Hello>(received_)) {
      replace(link);
      return;
    }
  }
}

void WorkerPool::replace(WorkerLink& link) {
  if (!link.has_process())
    throw Error(ErrorCode::protocol, "the inline worker wrote an invalid descriptor or message");
  link.end(Verdict::broke_protocol);
}

bool WorkerPool::collect(WorkerLink& link, Chunk& chunk, std::uint32_t end) {
  RunStats sum;  // only the counters below are used
  double busy_us = 0;
  for (auto position = static_cast<std::uint32_t>(chunk.finished.size()); position < end; ++position) {
    // The one read of shared memory: from here on only the private copy decides.
    const ItemDescriptor copy = link.strip().descriptor(chunk.lease->slot, position);
    if (!descriptor_is_valid(copy, limits_, chunk.first_item + position, chunk.payload_used())) return false;
    chunk.finished.push_back(copy);
    PlannedItem& item = chunk.items[position];
    if (item.failed == ItemErrorCode::none) {
      ++item.attempts;
      if (item.deaths > 0) blame_.absolve(item, clock_.now());
    }
    sum.decoded_bytes += copy.decoded_bytes;
    sum.payload_bytes_written += copy.decoded_bytes + (copy.kind == ItemKind::region ? 0 : copy.bytes);
    sum.worker_fallbacks += copy.fallback;
    sum.stage_busy_s["read"] += copy.read_us * 1e-6;
    sum.stage_busy_s["decode"] += copy.decode_us * 1e-6;
    sum.stage_busy_s["prepare"] += copy.prepare_us * 1e-6;
    sum.stage_busy_s["host_stage"] += copy.stage_us * 1e-6;
    busy_us += copy.read_us + copy.decode_us + copy.prepare_us + copy.stage_us;
    deaths_without_progress_ = 0;
    link.finished(1);
  }
  link.stats().busy_s += busy_us * 1e-6;
  stats_.update([&](RunStats& stats) {
    stats.decoded_bytes += sum.decoded_bytes;
    stats.payload_bytes_written += sum.payload_bytes_written;
    stats.worker_fallbacks += sum.worker_fallbacks;
    for (const auto& [stage, seconds] : sum.stage_busy_s) stats.stage_busy_s[stage] += seconds;
    stats.workers[link.number()].busy_s = link.stats().busy_s;
  });
  return true;
}

void WorkerPool::on_chunk_done(WorkerLink& link, const ChunkDone& done) {
  std::optional<Chunk> chunk = link.settle(done.generation);
  if (!chunk) return;  // a report of a lease that is no longer in force
  const bool sane = done.slot == chunk->lease->slot && done.done <= chunk->count() && done.done > 0 &&
                    done.done >= chunk->finished.size() &&  // equal: what the dead one finished is all
                    collect(link, *chunk, done.done);
  if (!sane) {
    link.owed().push_front(std::move(*chunk));
    replace(link);
    return;
  }
  if (done.done < chunk->count()) {
    Chunk rest;
    rest.batch = chunk->batch;
    rest.first_item = chunk->first_item + done.done;
    rest.epoch = chunk->epoch;
    const auto cut = chunk->items.begin() + done.done;
    rest.items.assign(std::make_move_iterator(cut), std::make_move_iterator(chunk->items.end()));
    chunk->items.erase(cut, chunk->items.end());
    listener_.chunk_returned(std::move(rest));
  }
  slots_.move(SlotMove::finish, *chunk->lease);
  listener_.chunk_ready(std::move(*chunk));
}

void WorkerPool::on_exit(std::uint32_t worker) {
  WorkerLink& link = links_[worker];
  if (link.retired()) return;
  const auto status = link.child().wait_until(std::chrono::steady_clock::now() + limits::child_reap);
  if (!status) return;  // spurious: the pidfd will fire again
  on_channel(worker);   // what it reported before it died still counts
  recover(link, *status);
}

void WorkerPool::sample_memory() {
  for (WorkerLink& link : links_) {
    const std::optional<std::uint64_t> peak = peak_rss_bytes(link.stats().pid);
    if (peak) link.stats().peak_rss_bytes = std::max(link.stats().peak_rss_bytes, *peak);
    publish(link);
  }
}

void WorkerPool::stop(bool at_once) noexcept {
  for (WorkerLink& link : links_) {
    if (at_once && link.has_process()) link.child().kill_group();
    link.channel().close();
  }
  const auto deadline = std::chrono::steady_clock::now() + limits::child_stop;
  for (WorkerLink& link : links_) {
    if (!link.has_process()) continue;
    try {
      if (!link.child().wait_until(deadline)) link.child().kill_group();
    } catch (const Error&) {
      link.child().kill_group();  // the destructor reaps
    }
  }
  // The strips stay: what is READY in them is still to be delivered.
}

}  // namespace forebay
