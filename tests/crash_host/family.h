#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace forebay::crash {

/// From here on the orphans of this process's descendants become its children, so that none is overlooked.
void adopt_orphans();

/// The children of this process that have not ended, adopted ones included, with their titles. Reaps those of
/// them that have.
[[nodiscard]] std::vector<pid_t> living_children();

/// Waits until no child is left, at most so long. The time that it took; nothing left in `left` is success,
/// else the survivors' names; they are killed.
std::chrono::milliseconds wait_for_no_children(std::chrono::milliseconds patience, std::string& left);

}  // namespace forebay::crash
