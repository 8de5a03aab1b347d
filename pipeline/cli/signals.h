#pragma once

#include <functional>
#include <mutex>
#include <thread>

#include "host/memory/unique_fd.h"

namespace forebay::cli {

/// Blocks SIGINT, SIGTERM and SIGHUP in this thread and all that it starts, so that only a SignalWatch sees
/// them, and ignores SIGPIPE and SIGXFSZ, so that a closed pipe or a file size limit is an error of the
/// write. Call it in main() before any thread is started. A signal that the caller had ignored (nohup, &)
/// stays ignored.
void prepare_signals();

/// Waits for stop signals in a thread of its own and calls `on_signal` there with 1 for the first, 2 for the
/// second ...
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
