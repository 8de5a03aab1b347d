#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "pipeline/flow/blame.h"
#include "pipeline/flow/slot_layout.h"

namespace forebay {

/// Keeps the time of one worker: how long it starts, works at one item, or is stopped, and what follows from
/// that. It knows no process; `now` is a PatientClock's. One thread.
class WorkerWatch {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  WorkerWatch() = default;
  explicit WorkerWatch(std::chrono::milliseconds item_timeout,
                       std::chrono::milliseconds start = limits::child_start)
      : item_timeout_(item_timeout), start_(start) {}

  /// What is waited for may take so long from now on.
  void allow(std::chrono::milliseconds item_timeout) noexcept { item_timeout_ = item_timeout; }

  /// A process was started; it has said hello; it has work, after it had none.
  void started(TimePoint now);
  void ready() noexcept { ready_ = true; }
  void busy(TimePoint now) noexcept { moved(now); }
  /// It reported a chunk.
  void heard(TimePoint now) noexcept { moved(now); }
  /// What its strip says now. Only a step forward counts: another lease, a later item.
  void observe(const Progress& progress, TimePoint now) noexcept;

  struct Finding {
    bool report = false;                ///< to be said, once an item
    std::optional<Verdict> end;         ///< to be ended
    std::chrono::milliseconds since{};  ///< that it has not moved
  };
  /// `working`: it owes a chunk. `stopped`: its process is, just now.
  [[nodiscard]] Finding look(TimePoint now, bool working, bool stopped);

  /// How long the item in work has been so.
  [[nodiscard]] double seconds(TimePoint now) const noexcept {
    return std::chrono::duration<double>(now - moved_).count();
  }
  [[nodiscard]] const Progress& progress() const noexcept { return progress_; }

 private:
  void moved(TimePoint now) noexcept {
    moved_ = now;
    reported_ = false;
  }

  std::chrono::milliseconds item_timeout_ = limits::worker_silence;
  std::chrono::milliseconds start_ = limits::child_start;
  TimePoint moved_{};
  std::optional<TimePoint> stopped_since_;
  Progress progress_;
  bool ready_ = false;
  bool reported_ = false;
};

}  // namespace forebay
