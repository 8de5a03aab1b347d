#pragma once

#include "host/channel/channel.h"

namespace forebay::detail {

/// The ChildMain of a forkserver. Returns when its parent closes the channel; in the copies it never returns.
[[nodiscard]] int forkserver_main(Channel channel);

}  // namespace forebay::detail
