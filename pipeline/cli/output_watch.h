#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "pipeline/cli/notice_printer.h"
#include "pipeline/flow/wait_board.h"

namespace forebay::cli {

/// Says when the files of a run keep it waiting, from the first that is created to the last that is
/// completed: who is blocked in a file system cannot say so itself.
class OutputWatch {
 public:
  /// Watches unless it is told not to. Where no thread can be had, nobody watches: the run says what it
  /// lacks.
  OutputWatch(Console& console, bool watches);
  OutputWatch(const OutputWatch&) = delete;
  OutputWatch& operator=(const OutputWatch&) = delete;

  /// The caller uses the output as long as the returned object lives. One at a time.
  [[nodiscard]] WaitBoard::Entry enter() noexcept { return {waits_, WaitBoard::sink, "the disk of --out"}; }

 private:
  void run(const std::stop_token& stop);

  WaitBoard waits_;
  NoticePrinter notices_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace forebay::cli
