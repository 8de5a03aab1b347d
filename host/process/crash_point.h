#pragma once

#include <atomic>
#include <string_view>

namespace forebay {

/// For tests: a place where a process can be made to die by SIGKILL, to show that the others survive it. The
/// variable FOREBAY_CRASH_POINT holds "<name>:<n>:<file>": the process that comes to the place of that name
/// for the n-th time dies there, if it is the one that removes the file (so one process does, whatever their
/// number). Read once, at the first crash point. Where the variable is not set, a place costs one relaxed
/// load.
class CrashPoints {
 public:
  static void reached(const char* name) noexcept {
    if (state_.load(std::memory_order_relaxed) != off) [[unlikely]]
      look(name);
  }
  /// Takes over what the environment says now. For tests that set the variable after the first crash point.
  static void read_environment() noexcept;

 private:
  enum State : int { unknown, off, armed };
  static void look(const char* name) noexcept;
  static std::atomic<int> state_;
};

inline void crash_point(const char* name) noexcept { CrashPoints::reached(name); }

}  // namespace forebay
