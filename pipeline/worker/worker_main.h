#pragma once

#include "host/channel/channel.h"

namespace forebay {

/// What a worker does with its channel: set-up, hello, then one job after the other until the channel closes.
/// Runs as a spawned process, or as a thread of the coordinator's for debugging (the same code, so that a
/// debugger and ThreadSanitizer see it). Returns the exit code. Throws Error(protocol) where the coordinator
/// misbehaves.
int worker_main(Channel channel);

}  // namespace forebay
