#pragma once

#include <span>

#include "host/process/child.h"
#include "host/process/start_child.h"

namespace forebay::detail {

/// By fork: a copy of this process as it is, its memory and open files included. Standard input is /dev/null,
/// signals have their defaults; the application's exit handlers and static destructors never run in it. As
/// spawn_child() otherwise.
///
/// Throws Error(usage) where a copy could not work: in a process that has the CUDA driver mapped, and in one
/// that has threads other than the calling one and Forebay's own. Those are waited for until they have
/// nothing in hand, at most limits::fork_gate_wait.
[[nodiscard]] Child fork_child(ChildMain main, const SpawnOptions& options, std::span<const Parcel> parcels,
                               int guardian);

}  // namespace forebay::detail
