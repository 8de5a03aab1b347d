#include "pipeline/flow/worker_watch.h"

#include <algorithm>

namespace forebay {

void WorkerWatch::started(TimePoint now) {
  ready_ = false;
  stopped_since_.reset();
  progress_ = Progress{};
  moved(now);
}

void WorkerWatch::observe(const Progress& progress, TimePoint now) noexcept {
  const bool onward = progress.generation != progress_.generation || progress.position > progress_.position;
  if (onward) moved(now);
  progress_ = progress;
}

WorkerWatch::Finding WorkerWatch::look(TimePoint now, bool working, bool stopped) {
  Finding finding;
  if (!stopped) {
    stopped_since_.reset();
  } else {
    if (!stopped_since_) stopped_since_ = now;
    if (now - *stopped_since_ >= limits::stopped_patience) finding.end = Verdict::stopped;
  }
  const bool waited_for = working || !ready_;
  const std::chrono::milliseconds limit = ready_ ? item_timeout_ : start_;
  if (!waited_for) {
    moved(now);
    return finding;
  }
  finding.since = std::chrono::duration_cast<std::chrono::milliseconds>(now - moved_);
  if (!finding.end && finding.since >= limit) {
    finding.end = ready_ ? Verdict::timed_out : Verdict::start_overdue;
  }
  if (!reported_ && finding.since >= std::min<std::chrono::milliseconds>(limits::stall_report, limit / 2)) {
    reported_ = finding.report = true;
  }
  return finding;
}

}  // namespace forebay
