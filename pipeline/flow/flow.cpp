#include "pipeline/flow/flow.h"

#include <fmt/format.h>
#include <pthread.h>

#include <csignal>
#include <system_error>
#include <utility>

#include "host/error.h"
#include "host/limits.h"

namespace forebay {
namespace {

constexpr std::uint64_t wake_tag = std::uint64_t{5} << 32U;
constexpr std::uint64_t tag_mask = std::uint64_t{0xFFFFFFFF} << 32U;
constexpr std::chrono::milliseconds no_time{0};

/// Signals are the application's: none is delivered on this thread.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

Flow::Flow(FlowParts parts, Handover& handover, StatsBoard& stats)
    : parts_(std::move(parts)),
      handover_(handover),
      stats_(stats),
      plan_(std::move(parts_.sampler), parts_.grid),
      slots_(parts_.shape.workers, parts_.shape.slots_per_worker),
      pool_(parts_.shape, parts_.brief, slots_, stats_, poller_, clock_, *this),
      // What an owner has read is kept in its slot, so two are the least with one.
      throttle_(parts_.shape.slots_per_worker, parts_.shape.owner ? limits::slots_per_worker_min : 1),
      memory_looked_(std::chrono::steady_clock::now()) {
  poller_.add(handover_.wake_fd(), wake_tag);
}

Flow::~Flow() {
  stop();
  join();
}

void Flow::start() {
  pool_.start();
  if (parts_.owner) {
    desk_ = std::make_unique<OwnerDesk>(parts_.shape, parts_.options, parts_.device_stages, parts_.results,
                                        pool_, slots_, handover_, stats_, poller_, clock_, parts_.grid);
    desk_->start(std::move(parts_.owner));
  }
  const SignalsBlocked blocked;  // inherited by the thread
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::spawn,
                fmt::format("cannot start the flow thread: {}; raise the limits on processes "
                            "(ulimit -u, the cgroup's pids.max) and memory (ulimit -v)",
                            error.what()));
  }
}

void Flow::join() {
  if (thread_.joinable()) thread_.join();
}

void Flow::stop() noexcept {
  handover_.stop();  // first: what the interrupted plan lacks is then missed by nobody
  plan_.interrupt();
}

void Flow::kill() noexcept {
  kill_.store(true);
  stop();
}

void Flow::run() {
  pthread_setname_np(pthread_self(), "forebay-flow");
  try {
    serve();
    pool_.sample_memory();
    stop_processes();
    if (const std::exception_ptr error = plan_.error()) {
      handover_.fail(error);
    } else {
      handover_.finish();
    }
  } catch (...) {
    stop_processes();
    handover_.fail(std::current_exception());
  }
}

void Flow::stop_processes() noexcept {
  const bool at_once = kill_.load();
  if (desk_) desk_->stop(at_once || overdue_);
  pool_.stop(at_once);
}

void Flow::serve() {
  auto next_look = std::chrono::steady_clock::now() + pool_.look_every();
  while (true) {
    take_back();
    dispatch();
    if (desk_) desk_->pump(starved_, handover_.stopped());
    if (done() || must_stop()) return;
    clock_.lap(no_time);  // before anybody is looked at: a source may have held up this thread
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_look) {
      look();
      next_look = now + pool_.look_every();
    }
    const auto until = stop_deadline_ ? std::min(*stop_deadline_, next_look) : next_look;
    const auto timeout =
        std::max(std::chrono::ceil<std::chrono::milliseconds>(until - now), std::chrono::milliseconds(1));
    clock_.lap(timeout);
    const std::span<const Poller::Event> events = poller_.wait(timeout);
    clock_.lap(no_time);
    for (const Poller::Event& event : events) handle(event);
  }
}

void Flow::look() {
  pool_.look();
  const auto now = std::chrono::steady_clock::now();
  if (now < next_second_) return;
  next_second_ = now + limits::pressure_look;
  pool_.sample_memory();
  if (desk_) desk_->tick();
  look_at_memory(now);
}

void Flow::look_at_memory(std::chrono::steady_clock::time_point now) {
  const auto elapsed = now - std::exchange(memory_looked_, now);
  const std::optional<std::string> why = pressure_.look(elapsed);
  const bool before = throttle_.throttled();
  const bool changed = throttle_.note(why.has_value(), now);
  slots_.allow(throttle_.slots());
  if (why || changed) {
    stats_.update([&](RunStats& stats) {
      if (why) stats.memory_short_s += std::chrono::duration<double>(elapsed).count();
      stats.slots_least = throttle_.least();
    });
  }
  if (throttle_.throttled() && !before) {
    stats_.notice(
        fmt::format("memory is short: {}; fewer than {} slots of each worker are used until it is not", *why,
                    parts_.shape.slots_per_worker));
  } else if (before && !throttle_.throttled()) {
    stats_.notice("memory is no longer short: all slots are used again");
  }
  // An owner may have page-locked its strips: nobody else may touch their pages then.
  if (!throttle_.throttled() || parts_.shape.owner) return;
  for (const SlotPlace& idle : slots_.take_idle()) pool_.strip(idle.worker).empty(idle.slot);
}

bool Flow::done() const {
  const bool settled = plan_.complete() && pending_.empty() && pool_.idle();
  if (!desk_) return settled;
  return desk_->idle() && ((settled && desk_->exhausted()) || desk_->cut());
}

bool Flow::must_stop() {
  if (!handover_.stopped()) return false;
  if (kill_.load() || !desk_ || desk_->idle()) return true;
  const auto now = std::chrono::steady_clock::now();
  if (!stop_deadline_) stop_deadline_ = now + limits::child_stop;
  overdue_ = now > *stop_deadline_;
  return overdue_;
}

void Flow::handle(const Poller::Event& event) {
  const auto number = static_cast<std::uint32_t>(event.tag);
  switch (event.tag & tag_mask) {
    case wake_tag: handover_.drain(); break;
    case WorkerPool::channel_tag: pool_.on_channel(number); break;
    case WorkerPool::exit_tag: pool_.on_exit(number); break;
    case OwnerDesk::channel_tag:
      if (event.writable) desk_->on_writable();
      if (event.readable) desk_->on_channel();
      break;
    case OwnerDesk::exit_tag: desk_->on_exit(); break;
    default: break;
  }
}

void Flow::take_back() {
  for (const Lease& lease : handover_.take_released()) slots_.move(SlotMove::deliver, lease);
  if (!desk_) return;
  for (const std::uint32_t result : handover_.take_released_results()) desk_->release_result(result);
  for (Chunk& chunk : desk_->take_again()) chunk_returned(std::move(chunk));
}

void Flow::dispatch() {
  if (handover_.stopped()) return;
  pool_.send_waiting();
  const std::optional<std::uint64_t> cut = desk_ ? desk_->cut() : std::nullopt;  // its item was planned
  while (const std::optional<std::uint32_t> worker = with_room()) {
    if (cut && (pending_.empty() || pending_.begin()->first >= *cut)) break;
    if (!pending_.empty()) {
      Chunk chunk = std::move(pending_.begin()->second);
      pending_.erase(pending_.begin());
      pool_.dispatch(*worker, std::move(chunk));
      continue;
    }
    std::optional<Chunk> chunk = next_chunk();
    if (!chunk) break;
    pool_.dispatch(*worker, std::move(*chunk));
  }
  announce_plan();
  // No slot is FREE and none is FILLING: only deliveries can move things on now.
  starved_ = pool_.idle() && !pool_.with_room();
  if (!desk_) handover_.set_starved(starved_);
  if (starved_ && !pending_.empty()) revoke_for_pending();
}

std::optional<std::uint32_t> Flow::with_room() {
  if (desk_ && (!pending_.empty() || !plan_.complete())) desk_->give_back_slots();
  return pool_.with_room();
}

std::optional<Chunk> Flow::next_chunk() {
  const WaitBoard::Entry wait(stats_.waits(), WaitBoard::flow, "the next entry of the source");
  std::optional<Chunk> chunk = plan_.next_chunk(parts_.shape.chunk_items);
  if (wait.seconds() > std::chrono::duration<double>(limits::stall_report).count())
    stats_.notice(fmt::format("the source took {:.0f} s for its next entry", wait.seconds()));
  return chunk;
}

void Flow::announce_plan() {
  const bool newly_complete = plan_.complete() && !total_known_;
  stats_.update([&](RunStats& stats) {
    stats.items_planned = parts_.items_before + plan_.total().value_or(plan_.planned());
    stats.plan_complete = plan_.total().has_value();
    if (newly_complete) stats.source_note = plan_.note();
  });
  if (!newly_complete) return;
  total_known_ = true;
  // After an error of the source the last batch ends with the failure, which is thrown behind it.
  if (!plan_.error()) handover_.set_total(plan_.planned());
  if (desk_) desk_->set_total(plan_.planned());
}

void Flow::revoke_for_pending() {
  const std::uint64_t needed = pending_.begin()->first;
  std::optional<Chunk> chunk = desk_ ? desk_->revoke_last(needed) : handover_.revoke_last_if_waiting(needed);
  if (!chunk) return;
  slots_.move(SlotMove::revoke, *chunk->lease);
  chunk->lease.reset();
  chunk->finished.clear();
  chunk_returned(std::move(*chunk));
  handover_.wake();  // dispatch again
}

void Flow::chunk_ready(Chunk chunk) {
  if (desk_) {
    desk_->offer(std::move(chunk));
  } else {
    handover_.offer(std::move(chunk));
  }
}

void Flow::chunk_returned(Chunk chunk) {
  const std::uint64_t first = chunk.first_item;
  pending_.emplace(first, std::move(chunk));
}

}  // namespace forebay
