#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/cli/console.h"
#include "pipeline/cli/item_counter.h"
#include "pipeline/cli/notice_printer.h"
#include "pipeline/cli/progress_text.h"
#include "pipeline/pipeline.h"

namespace forebay::cli {

/// Shows how a run gets on, from construction to destruction: a line redrawn ten times a second on a
/// terminal, else a log line every few seconds. Its thread only reads snapshots.
class Progress {
 public:
  Progress(Console& console, const Pipeline& pipeline, const std::vector<std::string>& sources,
           const PipelineOptions& options);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

 private:
  void run(const std::stop_token& stop);
  void show();

  Console& console_;
  const Pipeline& pipeline_;
  std::optional<ItemCounter> counter_;  // on a terminal only
  RateMeter rates_;
  NoticePrinter notices_;
  unsigned rounds_ = 0;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace forebay::cli
