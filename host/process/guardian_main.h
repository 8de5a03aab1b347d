#pragma once

#include "host/channel/channel.h"

namespace forebay::detail {

/// The ChildMain that makes the guardian, and ends: so the guardian is nobody's child but init's.
[[nodiscard]] int guardian_main(Channel channel);

}  // namespace forebay::detail
