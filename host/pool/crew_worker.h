#pragma once

#include "host/channel/channel.h"

namespace forebay {

/// A pool worker's whole life: takes its link, runs tasks in their order until it is told to stop, and
/// returns its exit code. A ChildMain.
int crew_worker_main(Channel channel);

}  // namespace forebay
