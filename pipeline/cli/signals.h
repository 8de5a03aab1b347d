#pragma once

#include <functional>
#include <mutex>
#include <thread>

#include "host/memory/unique_fd.h"

namespace forebay::cli {

/// Ignores SIGPIPE and SIGXFSZ, so that a closed pipe or a file size limit is an error of the write.
void ignore_write_signals();

/// Blocks SIGINT, SIGTERM and SIGHUP in this thread and all that it starts, so that only a SignalWatch sees
/// them. Call it before any thread is started, and only where a SignalWatch follows: whoever does not watch
/// is to be ended by them. A signal that the caller had ignored (nohup, &) stays ignored.
void block_stop_signals();

/// Waits for stop signals in a thread of its own and calls `on_signal` there with 1 for the first, 2 for the
/// second ... What comes within limits::stop_again of the one before is the same wish: a terminal that closes
/// and `timeout` signal the process and its group. A hang-up is never a second one. After the first, 2 is
/// also called when limits::stop_patience has passed.
class SignalWatch {
 public:
  /// Throws Error(environment).
  explicit SignalWatch(std::function<void(int)> on_signal);
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  /// Waits for a call of `on_signal` that is under way.
  ~SignalWatch();

 private:
  void run();

  std::function<void(int)> on_signal_;
  UniqueFd signals_;
  UniqueFd end_;
  std::jthread thread_;
};

}  // namespace forebay::cli
