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

  /// Before anything that should take `at_most`.
  void begin(std::chrono::milliseconds at_most, TimePoint real = Steady::now()) { due_ = real + at_most; }
  /// After it: what it took beyond, from limits::lateness_min on, is no time.
  void end(TimePoint real = Steady::now()) {
    if (real - due_ > limits::lateness_min) lost_ += real - due_;
  }

 private:
  TimePoint due_ = Steady::now();
  Steady::duration lost_{};
};

}  // namespace forebay
