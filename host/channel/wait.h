#pragma once

#include <chrono>
#include <span>
#include <variant>
#include <vector>

#include "host/channel/connection.h"

namespace forebay {

/// What wait_ready() waits for: a connection, or any descriptor that becomes readable (a Process's
/// sentinel, a socket).
using Waitable = std::variant<Connection*, int>;

/// Python's multiprocessing.connection.wait: blocks until something can be received from one of the
/// objects (the end of a connection or of a process counts), at most `timeout` (zero or less only
/// looks). Gives the indices of those that are ready, in order; none where the time has passed. Throws
/// Interrupted.
[[nodiscard]] std::vector<std::size_t> wait_ready(
    std::span<const Waitable> objects, std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max());

}  // namespace forebay
