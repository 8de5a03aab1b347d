// What the desk does when the device or its owner fails.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "host/error.h"
#include "host/limits.h"
#include "host/process/process_wait.h"
#include "pipeline/flow/file_hash.h"
#include "pipeline/flow/owner_desk.h"

namespace forebay {
namespace {

std::string name_of(const Device& device) {
  return device.kind == DeviceKind::cuda ? fmt::format("cuda:{}", device.ordinal) : std::string("cpu");
}

const char* remedy_for(const Device& device) {
  return device.kind == DeviceKind::cuda
             ? "check it with forebay doctor, or run with --device cpu"
             : "look at the device stages first; --placement worker needs no owner without them";
}

std::string described(const BatchLane& lane) {
  const BatchLane::Part part = lane.part();
  if (part.first_item >= part.end_item)
    return fmt::format("batch {} (before item {})", lane.batch(), part.first_item);
  return fmt::format("batch {} (items {} to {})", lane.batch(), part.first_item, part.end_item - 1);
}

BatchLane::Guilt guilt_of(const std::string& path, std::uint32_t attempts, const std::string& words) {
  auto evidence = std::make_shared<Quarantine>();
  evidence->how = words;
  evidence->attempts = attempts;
  evidence->last_step = "device";
  if (const auto hash = hash_file(path)) {
    evidence->sha256 = hash->sha256;
    evidence->file_bytes = hash->bytes;
  }
  return {fmt::format("quarantined: the device failed {} times at this item alone, the last time: {}",
                      attempts, words),
          std::move(evidence)};
}

}  // namespace

/// Of an owner that was killed or crashed. One that has said that its device fails is not believed, and a
/// batch that is built with care is tried as it is.
void OwnerDesk::keep_finished() {
  for (BatchLane& lane : lanes_) {
    if (!lane.open() || trouble_.careful(lane.batch())) continue;
    std::vector<Chunk> ready;
    const std::uint32_t rows = lane.keep_finished(slots_, ready);
    for (Chunk& chunk : ready) ready_.offer(std::move(chunk));
    trouble_.succeeded(lane.batch(), rows);
    stats_.update([&](RunStats& stats) { stats.payload_bytes_written += rows * shape_.row_bytes; });
    deliver_proven();
    if (is_over(lane, false)) finish(lane);  // before a new owner fails to start
  }
}

void OwnerDesk::lose(BatchLane& lane, const std::optional<BatchLane::Guilt>& guilty) {
  if (const auto failed = lane.failed_item(); failed && cut_ == *failed + 1) cut_.reset();  // found again
  BatchLane::Chunks left = lane.lose(slots_, guilty);
  for (Chunk& chunk : left.ready) ready_.offer(std::move(chunk));
  std::move(left.again.begin(), left.again.end(), std::back_inserter(again_));
}

std::string OwnerDesk::blame(BatchLane& lane, Evidence evidence, bool fresh, const std::string& words) {
  const BatchLane::Part part = lane.part();
  const std::uint32_t planned = lane.ended() ? part.rows : part.planned;
  switch (trouble_.blame(lane.batch(), part.rows, planned, evidence, fresh)) {
    case Trouble::Verdict::again: lose(lane, std::nullopt); return "built again";
    case Trouble::Verdict::narrower:
      lose(lane, std::nullopt);
      return fmt::format("going on with {} at a time", trouble_.part_rows(lane.batch()));
    case Trouble::Verdict::guilty: break;
  }
  const std::string path = lane.row_path();
  lose(lane, guilt_of(path, attempts_, words));
  return fmt::format("{} is quarantined", path);
}

void OwnerDesk::check_hope() const {
  if (!trouble_.hopeless()) return;
  throw Error(
      ErrorCode::device,
      fmt::format("the owner of {} failed {} times in a row without completing anything, the last time: "
                  "{}; {}",
                  name_of(shape_.device), trouble_.failures(), last_failure_, remedy_for(shape_.device)));
}

void OwnerDesk::replace_owner(const std::string& why) {
  if (batches_failed_ == 0 || !replaced_.empty()) return;  // it is a new one, or about to be
  replaced_ = why;
  owner_ready_ = false;  // nothing more is sent to it
  end_owner();
}

void OwnerDesk::on_failed(BatchLane& lane, const BatchFailed& failed) {
  const std::string text = text_of(failed.text);
  if (!replaced_.empty()) return lose(lane, std::nullopt);  // of an owner that is being replaced
  last_failure_ = text;
  ++batches_failed_;
  if (failed.kind == BackendError::Kind::out_of_memory) return on_out_of_memory(lane, text);
  const std::uint64_t batch = lane.batch();
  const std::string what = described(lane);
  trouble_.count_failure(Evidence::strong);
  const bool had_rows = lane.part().rows > 0;
  const std::string next = blame(lane, Evidence::strong, batches_failed_ == 1, text);
  stats_.notice(fmt::format("owner {}: the device failed at {}: {}; {}", owner_stats_.pid, what, text, next));
  check_hope();
  if (!had_rows) {
    replace_owner("because no item can be the cause");
  } else if (trouble_.last_attempt(batch)) {
    replace_owner("to try the item once more with another");
  }
}

void OwnerDesk::on_out_of_memory(BatchLane& lane, const std::string& text) {
  const std::uint32_t planned = lane.part().planned;
  const std::string what = described(lane);
  lose(lane, std::nullopt);
  switch (trouble_.out_of_memory(planned)) {
    case Trouble::Memory::again:
      stats_.notice(fmt::format("owner {}: the device is out of memory at {}: {}; built again",
                                owner_stats_.pid, what, text));
      return;
    case Trouble::Memory::halved:
      stats_.notice(
          fmt::format("device out of memory with {} rows at a time: going on with {}; lower --batch to "
                      "avoid this",
                      planned, trouble_.row_limit()));
      return;
    case Trouble::Memory::fresh_owner:
      return replace_owner("because a single row did not fit its device's memory");
    case Trouble::Memory::exhausted: break;
  }
  throw Error(ErrorCode::no_memory,
              fmt::format("{} has too little memory for a single row of {} bytes: {}; lower --crop or "
                          "--slot-mb, or free memory on the device",
                          name_of(shape_.device), shape_.row_bytes, text));
}

void OwnerDesk::on_setup_failure(const std::string& how, Evidence evidence) {
  // These do not get better by trying again.
  if (failed_ == ErrorCode::usage || failed_ == ErrorCode::protocol) throw Error(*failed_, words_);
  if (evidence == Evidence::from_outside) return;
  // While somebody kills processes, many die that could have got ready.
  const std::uint32_t most =
      limits::owner_setup_failures_max * (pool_.killer_at_large() ? limits::weak_signals : 1);
  if (++setup_failures_ < most) return;
  throw Error(failed_ == ErrorCode::no_memory ? ErrorCode::no_memory : ErrorCode::device,
              fmt::format("the owner of {} could not get ready {} times in a row, the last time: {}; {}",
                          name_of(shape_.device), setup_failures_, how, remedy_for(shape_.device)));
}

void OwnerDesk::on_death(const std::string& how, Evidence evidence) {
  last_failure_ = how;
  if (evidence == Evidence::from_outside) pool_.saw_killer();
  trouble_.count_failure(evidence);
  std::string work;
  for (BatchLane& lane : lanes_) {
    if (!lane.open()) continue;
    const std::string what = described(lane);
    work += fmt::format("{}{}: {}", work.empty() ? "" : ", ", what,
                        blame(lane, evidence, batches_failed_ == 0, how));
  }
  stats_.notice(fmt::format("owner {} died {}: {}{}{}", owner_stats_.pid,
                            was_ready_ ? "at work" : "before it was ready", how, work.empty() ? "" : "; ",
                            work));
  if (!was_ready_) on_setup_failure(how, evidence);
  check_hope();
}

void OwnerDesk::end_owner() {
  if (!ended_) ended_ = clock_.now();
  link_->child().kill_group();
}

void OwnerDesk::look() {
  const pid_t pid = owner_stats_.pid;
  if (ended_ && clock_.now() - *ended_ > limits::child_reap) {
    const std::string what =
        fmt::format("owner {} ({}) does not end, not even by SIGKILL; its device or driver hangs", pid,
                    describe(wait_of(pid)));
    stats_.notice(what);
    // Without its exit nobody knows what it still reads and writes: no other may take over.
    throw Error(ErrorCode::timeout, what);
  }
  const bool ends = !words_.empty();  // it said that it does
  const bool waits_for_it =
      ends || !owner_ready_ ||
      std::any_of(lanes_.begin(), lanes_.end(), [](const BatchLane& l) { return l.ended(); });
  const WorkerWatch::Finding finding = watch_.look(clock_.now(), waits_for_it, is_stopped(pid));
  const double since_s = static_cast<double>(finding.since.count()) * 1e-3;
  if (finding.report) {
    const auto lane =
        std::find_if(lanes_.begin(), lanes_.end(), [](const BatchLane& l) { return l.ended(); });
    stats_.notice(fmt::format("owner {} ({}) has not answered for {:.1f} s: {}; it is ended after {:g} s",
                              pid, describe(wait_of(pid)), since_s,
                              lane == lanes_.end() ? "it opens its device or page-locks memory"
                                                   : fmt::format("it works at batch {}", lane->batch()),
                              std::chrono::duration<double>(time_limit_).count()));
  }
  if (ended_) return;
  if (finding.end == Verdict::stopped) {
    stats_.notice(fmt::format("owner {} was stopped (SIGSTOP) and not continued; it is replaced", pid));
    end_owner();  // as if somebody had killed it
  } else if (finding.end) {
    give_up_on_owner(
        fmt::format("it has not answered for {:g} s", std::chrono::duration<double>(time_limit_).count()));
  } else if (ends && finding.since > limits::child_reap) {
    end_owner();  // a lost device may not let it end
  }
}

void OwnerDesk::on_exit() {
  const auto status = link_->child().wait_until(std::chrono::steady_clock::now() + limits::child_reap);
  if (!status) return;
  on_channel();  // results that it reported before it died are complete
  std::string why = replaced_;
  if (why.empty() && words_.empty()) keep_finished();
  if (why.empty()) {
    const bool killed = status->known && status->signal == SIGKILL;
    why = words_.empty() ? describe(*status) : fmt::format("{} ({})", words_, describe(*status));
    on_death(why, killed && words_.empty() ? Evidence::from_outside : Evidence::strong);
  }
  for (BatchLane& lane : lanes_) {
    if (lane.open()) lose(lane, std::nullopt);  // of an owner that was replaced: nobody is to blame
  }
  ++owner_stats_.restarts;
  const pid_t before = owner_stats_.pid;
  const bool replaced = !replaced_.empty();
  start(std::make_unique<OwnerLink>(shape_.device, shape_.finish_threads));
  stats_.notice(fmt::format("owner {} takes over from {}{}{}", owner_stats_.pid, before, replaced ? " " : "",
                            replaced ? why : ""));
}

}  // namespace forebay
