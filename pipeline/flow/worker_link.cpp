#include "pipeline/flow/worker_link.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "pipeline/source/open_item.h"
#include "pipeline/worker/worker_main.h"

namespace forebay {

WorkerLink::WorkerLink(std::uint32_t number, const RunShape& shape, const WorkerBrief& brief,
                       const PatientClock& clock)
    : number_(number), clock_(&clock), strip_(Strip::create(shape.strip_layout())), watch_(brief.item.time) {}

WorkerLink::~WorkerLink() { channel_.close(); }  // an inline worker ends at EOF, then its jthread joins

void WorkerLink::start(const RunShape& shape, const WorkerBrief& brief) {
  if (shape.inline_worker) {
    auto [mine, theirs] = Channel::pair();
    channel_ = std::move(mine);
    thread_ = std::jthread([end = std::move(theirs)]() mutable {
      try {
        worker_main(std::move(end));
      } catch (const Error& error) {
        // The closed channel tells the coordinator; this line tells the person who debugs.
        static_cast<void>(std::fprintf(stderr, "forebay: inline worker: %s\n", error.what()));
      }
    });
    stats_.pid = ::getpid();
  } else {
    child_ = Child::spawn(&worker_main, {fmt::format("forebay: worker {}", number_), "forebay-worker"});
    stats_.pid = child_.pid();
  }
  watch_.started(clock_->now());
  finished_ = 0;
  verdict_ = Verdict::none;
  WorkerSetup setup;
  setup.slots = shape.slots_per_worker;
  setup.payload_bytes = shape.slot_bytes;
  setup.host_stages = static_cast<std::uint32_t>(brief.host_stages.size());
  setup.prepare = brief.prepare;
  setup.decode = brief.decode;
  setup.regions = shape.placement == Placement::owner ? 1 : 0;
  setup.files = shape.files ? 1 : 0;
  // The thread of this process is not held to it: that would be the application's limit.
  setup.may_end = shape.inline_worker ? 0 : 1;
  setup.item_memory_bytes = shape.inline_worker ? 0 : brief.item.memory_bytes;
  const int strip_fd = strip_.fd();
  // A worker that dies this early closes the channel; its exit is noticed and counted like any other death.
  static_cast<void>(channel().try_send(setup, {&strip_fd, 1}));
  for (const FunctionId& stage : brief.host_stages) {
    HostStageMessage message;
    message.function = stage;
    static_cast<void>(channel().try_send(message));
  }
}

void WorkerLink::send(Chunk chunk, bool files) {
  owed_.push_back(std::move(chunk));
  send_waiting(files);
}

void WorkerLink::send_again(bool files) {
  sent_ = 0;
  send_waiting(files);
}

void WorkerLink::send_waiting(bool files) {
  for (; has_unsent(); ++sent_) {
    const bool was_short = shortage_.has_value();
    if (send_job(owed_[sent_], files)) continue;
    const auto now = std::chrono::steady_clock::now();
    if (!was_short) short_since_ = now;
    if (now - short_since_ > limits::open_wait) throw Error(*shortage_);
    return;
  }
}

bool WorkerLink::send_job(Chunk& chunk, bool files) {
  Job job;
  job.slot = chunk.lease->slot;
  job.generation = chunk.lease->generation;
  job.count = chunk.count();
  job.resume_at = static_cast<std::uint32_t>(chunk.finished.size());
  job.first_item = chunk.first_item;
  job.epoch = chunk.epoch;
  for (std::uint32_t position = 0; position < job.count; ++position)
    job.items[position] = chunk.items[position].item;
  job.payload_used = chunk.payload_used();
  std::vector<UniqueFd> open_files;
  std::vector<int> fds;
  for (std::uint32_t position = job.resume_at; position < job.count; ++position) {
    PlannedItem& item = chunk.items[position];
    if (item.failed == ItemErrorCode::none && files) {
      try {
        open_files.push_back(open_item(item.path));
        fds.push_back(open_files.back().get());
      } catch (const ItemFailure& failure) {
        item.failed = failure.code();
        item.message = failure.what();
      } catch (const Error& error) {
        shortage_ = error;
        if (position == job.resume_at) return false;
        job.count = position;  // the worker reports so many: the rest comes back like what found no room
      }
    }
    if (item.failed != ItemErrorCode::none) job.skip_mask |= std::uint64_t{1} << position;
  }
  if (owed_.size() == 1) watch_.busy(clock_->now());  // the silence of an idle worker does not count
  try {
    if (channel().try_send(job, fds) == SendResult::would_block && has_process()) {
      // Within its credits a live worker's channel always has room.
      child_.kill_group();
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::environment && error.code() != ErrorCode::no_memory) throw;
    shortage_ = error;  // too many descriptors are on their way
    return false;
  }
  shortage_.reset();
  return true;
}

std::optional<Chunk> WorkerLink::settle(std::uint64_t generation) {
  if (owed_.empty() || owed_.front().lease->generation != generation) return std::nullopt;
  Chunk chunk = std::move(owed_.front());
  owed_.pop_front();
  if (sent_ > 0) --sent_;
  return chunk;
}

void WorkerLink::heard() {
  watch_.ready();
  watch_.heard(clock_->now());
}

WorkerWatch::Finding WorkerLink::look(bool stopped) {
  watch_.observe(strip_.progress(), clock_->now());
  return watch_.look(clock_->now(), !owed_.empty(), stopped);
}

void WorkerLink::end(Verdict verdict) {
  if (verdict_ == Verdict::none) {
    verdict_ = verdict;
    ended_ = clock_->now();
  }
  child_.kill_group();
}

bool WorkerLink::unkillable() const {
  return verdict_ != Verdict::none && !retired_ && clock_->now() - ended_ > limits::child_reap;
}

std::deque<Chunk> WorkerLink::retire() {
  retired_ = true;
  sent_ = 0;
  return std::exchange(owed_, {});
}

}  // namespace forebay
