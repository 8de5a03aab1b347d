#pragma once

#include "host/sync/participant.h"
#include "host/sync/shared_context.h"

namespace forebay {

/// Gives back what a process that has ended owned in any object of the context, and wakes all who wait
/// there. It may run again for the same process, where a supervisor died in it: every step is
/// idempotent. `in_order`: the process ended by itself, so it is no party that others still wait for.
void recover(SharedContext& context, OwnerToken dead, bool in_order);

}  // namespace forebay
