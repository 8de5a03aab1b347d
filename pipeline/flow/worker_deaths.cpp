// WorkerPool: what happens when a worker dies, hangs, is stopped, or cannot be ended.

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/process_info.h"
#include "host/process/process_wait.h"
#include "pipeline/flow/file_hash.h"
#include "pipeline/flow/worker_pool.h"

namespace forebay {
namespace {

std::string name_of(const PlannedItem& item) {
  return item.path.empty() ? fmt::format("item {}", item.index)
                           : fmt::format("item {} ({})", item.index, item.path);
}

/// The item that the progress word names, and its chunk.
struct InWork {
  Chunk* chunk = nullptr;
  std::uint32_t position = 0;
};

InWork in_work(WorkerLink& link, const Progress& progress) {
  for (Chunk& chunk : link.owed()) {
    if (chunk.lease->generation != progress.generation) continue;
    if (progress.position < chunk.count() && progress.step != ItemStep::done)
      return {&chunk, progress.position};
  }
  return {};
}

}  // namespace

std::chrono::milliseconds WorkerPool::look_every() const noexcept {
  return std::clamp<std::chrono::milliseconds>(brief_.item.time / 4, limits::look_every_min,
                                               limits::look_every_max);
}

void WorkerPool::look() {
  for (WorkerLink& link : links_) {
    if (!link.retired()) look_at(link);
  }
}

void WorkerPool::look_at(WorkerLink& link) {
  const bool process = link.has_process();
  const WorkerWatch::Finding finding = link.look(process && is_stopped(link.child().pid()));
  if (finding.report) {
    const ProcessWait wait = process ? wait_of(link.child().pid()) : ProcessWait{};
    const Progress progress = link.watch().progress();
    const InWork work = in_work(link, progress);
    const double limit_s = std::chrono::duration<double>(brief_.item.time).count();
    stats_.notice(
        work.chunk == nullptr
            ? fmt::format(
                  "worker {} (pid {}, {}) has not moved for {:.1f} s: it is starting, or between two items",
                  link.number(), link.stats().pid, describe(wait),
                  static_cast<double>(finding.since.count()) * 1e-3)
            : fmt::format("worker {} (pid {}, {}) works at {} for {:.1f} s, step {}, slot {}; {}",
                          link.number(), link.stats().pid, describe(wait),
                          name_of(work.chunk->items[work.position]),
                          static_cast<double>(finding.since.count()) * 1e-3, to_string(progress.step),
                          work.chunk->lease->slot,
                          process ? fmt::format("it is ended after {:g} s", limit_s)
                                  : "it is a thread of this process and cannot be ended"));
  }
  if (process && finding.end && link.verdict() == Verdict::none) link.end(*finding.end);
  if (process && link.unkillable()) retire(link);
}

void WorkerPool::retire(WorkerLink& link) {
  const ProcessWait wait = wait_of(link.child().pid());
  const std::string who =
      fmt::format("worker {} (pid {}, {})", link.number(), link.stats().pid, describe(wait));
  stats_.notice(who + " does not end, not even by SIGKILL; its slots are given up and others do its work");
  const Death death = death_of(link, ExitStatus{});
  const InWork work = in_work(link, link.strip().progress());
  if (work.chunk != nullptr) charge(link, *work.chunk, work.position, death);
  poller_.remove(link.child().pidfd());
  for (Chunk& chunk : link.retire()) {
    slots_.move(SlotMove::retire, *chunk.lease);
    chunk.lease.reset();
    chunk.finished.clear();  // in memory that is still another's
    listener_.chunk_returned(std::move(chunk));
  }
  if (std::all_of(links_.begin(), links_.end(), [](const WorkerLink& other) { return other.retired(); })) {
    throw Error(ErrorCode::timeout,
                who +
                    " does not end, not even by SIGKILL, and no other worker is left; what it "
                    "waits for is broken: a file system or a device");
  }
}

Death WorkerPool::death_of(const WorkerLink& link, const ExitStatus& status) {
  Death death;
  death.status = status;
  // What ended by itself in the moment before it was to be ended did so.
  const bool by_us = !status.known || status.signal == SIGKILL;
  if (by_us) death.verdict = link.verdict();
  const Progress progress = link.strip().progress();
  death.step = progress.step;
  death.out_of_memory = progress.out_of_memory;
  death.seconds = link.watch().seconds(clock_.now());
  if (status.known && status.signal == SIGKILL && death.verdict == Verdict::none) {
    const std::uint64_t kills = oom_kills_since_boot();
    death.oom_killer = kills > std::exchange(oom_kills_, kills);
  }
  return death;
}

void WorkerPool::quarantine(PlannedItem& item, const Death& death) {
  auto evidence = std::make_shared<Quarantine>();
  evidence->how = describe(death, brief_.item);
  evidence->signal = death.status.known ? death.status.signal : 0;
  if (death.status.known && death.status.signal == 0) evidence->exit_code = death.status.exit_code;
  evidence->attempts = item.attempts;
  evidence->last_step = to_string(death.step);
  evidence->seconds = death.seconds;
  evidence->cpu_s = death.status.used.user_s + death.status.used.system_s;
  evidence->peak_rss_bytes = death.status.used.peak_rss_bytes;
  // A file that could not be read in time is not read here either.
  const bool unreadable = death.verdict == Verdict::timed_out && death.step <= ItemStep::read;
  if (shape_.files && !unreadable) {
    if (const auto hash = hash_file(item.path)) {
      evidence->sha256 = hash->sha256;
      evidence->file_bytes = hash->bytes;
    }
  }
  item.failed = error_of(death, brief_.item);
  item.message = fmt::format("quarantined: {} attempts ended their worker, the last at step {}: {}",
                             item.attempts, evidence->last_step, evidence->how);
  item.quarantine = std::move(evidence);
}

void WorkerPool::charge(WorkerLink& link, Chunk& chunk, std::uint32_t position, const Death& death) {
  PlannedItem& item = chunk.items[position];
  const std::string who = fmt::format("worker {} (pid {})", link.number(), link.stats().pid);
  const std::string where = fmt::format("{}, step {}", name_of(item), to_string(death.step));
  const bool guilty = blame_.charge(item, death, clock_.now());
  if (guilty) {
    quarantine(item, death);
    deaths_without_progress_ = 0;
  }
  stats_.notice(fmt::format(
      "{} {} at {}; {}", who, describe(death, brief_.item), where,
      guilty ? fmt::format("quarantined after {} attempts", item.attempts) : "it is tried again"));
}

void WorkerPool::settle_death(WorkerLink& link, Death death) {
  const Progress progress = link.strip().progress();
  bool charged = false;
  for (Chunk& chunk : link.owed()) {
    if (chunk.lease->generation == progress.generation && progress.position <= chunk.count()) {
      // Where a descriptor is nonsense, who wrote it is charged: the item that it describes.
      const bool sane = collect(link, chunk, progress.position);
      const std::uint32_t position =
          sane ? progress.position : static_cast<std::uint32_t>(chunk.finished.size());
      death.fresh = link.fresh();  // what collect() has just found counts
      charged = position < chunk.count() && (!sane || progress.step != ItemStep::done);
      if (charged) charge(link, chunk, position, death);
    }
    chunk.lease = slots_.renew(*chunk.lease);
  }
  if (charged) return;
  blame_.nobody(death, clock_.now());
  stats_.notice(fmt::format("worker {} (pid {}) {} between two items", link.number(), link.stats().pid,
                            describe(death, brief_.item)));
}

void WorkerPool::recover(WorkerLink& link, const ExitStatus& status) {
  ++deaths_without_progress_;
  const Death death = death_of(link, status);
  settle_death(link, death);
  // A chunk that was complete but not yet reported needs no worker any more.
  while (!link.owed().empty() && link.owed().front().finished.size() == link.owed().front().count()) {
    std::optional<Chunk> chunk = link.settle(link.owed().front().lease->generation);
    slots_.move(SlotMove::finish, *chunk->lease);
    listener_.chunk_ready(std::move(*chunk));
  }
  // While somebody kills workers, many die that could have worked.
  const std::uint32_t most =
      limits::deaths_without_progress_max * (killer_at_large() ? limits::weak_signals : 1);
  if (deaths_without_progress_ > most) {
    throw Error(
        ErrorCode::peer_died,
        fmt::format("workers died {} times in a row without finishing an item, the last one {}; run with "
                    "--workers 0 to see what happens in one process",
                    deaths_without_progress_, describe(death, brief_.item)));
  }
  ++link.stats().restarts;
  link.start(shape_, brief_);
  watch(link);
  link.send_again(shape_.files);
  publish(link);
}

}  // namespace forebay
