#pragma once

#include <cstdint>

#include "pipeline/flow/strip.h"

namespace forebay {

/// Says in the strip which item of a job is in work and what is done with it: a store each time. One thread.
class StepMark {
 public:
  /// At the item's begin.
  StepMark(const Strip& strip, std::uint64_t generation, std::uint32_t position)
      : strip_(strip), progress_{generation, ItemStep::begin, static_cast<std::uint8_t>(position), false} {
    strip_.publish_progress(progress_);
  }
  void at(ItemStep step) {
    progress_.step = step;
    strip_.publish_progress(progress_);
  }

  /// The worker ends, for its limit of memory.
  void out_of_memory() {
    progress_.out_of_memory = true;
    strip_.publish_progress(progress_);
  }

 private:
  const Strip& strip_;
  Progress progress_;
};

}  // namespace forebay
