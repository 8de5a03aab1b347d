#pragma once

#include "host/channel/channel.h"

namespace forebay {

/// What an owner does with its channel: open its device, page-lock all memory, load the device stages, then
/// build batches until the channel closes. The only process of a run that maps the CUDA module and the
/// driver. Returns the exit code: 0, or 1 after a failure that it reported (OwnerFailed) before.
int owner_main(Channel channel);

}  // namespace forebay
