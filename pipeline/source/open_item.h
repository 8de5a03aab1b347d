#pragma once

#include <string>

#include "host/memory/unique_fd.h"

namespace forebay {

/// Opens an item's file for a worker: read-only, never blocking on a FIFO or a terminal, regular files only.
/// Throws ItemFailure(io_error) with the system's reason, or naming what it is instead of a file.
[[nodiscard]] UniqueFd open_item(const std::string& path);

}  // namespace forebay
