#pragma once

#include <string>

#include "host/memory/unique_fd.h"

namespace forebay {

/// Opens an item's file for a worker: read-only, never blocking on a FIFO or a terminal, regular files only.
/// Throws ItemFailure(io_error) with the system's reason, or naming what it is instead of a file; and
/// Error(environment | no_memory) where this process or the machine is out of descriptors or memory, which is
/// no fault of the item.
[[nodiscard]] UniqueFd open_item(const std::string& path);

}  // namespace forebay
