#pragma once

#include <chrono>

#include "host/limits.h"

namespace forebay {

/// The time that the flow thread has been there to look: the steady clock less the spans in which it was late
/// (stopped by SIGSTOP or Ctrl+Z, on a paused machine, blocked in a source). Every deadline that others are
/// held to is measured by it, so a pause of the coordinator kills nobody. One thread.
class PatientClock {
 public:
  using Steady = std::chrono::steady_clock;
  using TimePoint = Steady::time_point;

  [[nodiscard]] TimePoint now() const { return Steady::now() - lost_; }

  /// What was done since the last call took as long as that call allowed; what it took beyond, from
  /// limits::lateness_min on, is no time. What comes next may take `at_most`.
  void lap(std::chrono::milliseconds at_most, TimePoint real = Steady::now()) {
    if (real - due_ > limits::lateness_min) lost_ += real - due_;
    due_ = real + at_most;
  }

 private:
  TimePoint due_ = Steady::now();
  Steady::duration lost_{};
};

}  // namespace forebay
