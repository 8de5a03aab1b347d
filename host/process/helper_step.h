#pragma once

#include <array>
#include <string_view>

#include "host/process/crash_step.h"

namespace forebay::detail {

/// The crash points of those who help a program's processes: its forkserver and its guardian.
inline constexpr auto helper_step_names = std::to_array<std::string_view>({
    "forkserver.entered",
    "forkserver.ready",  // has said that it can serve
    "forkserver.asked",  // a request is received, nothing is done about it
    "forkserver.copied",
    "forkserver.copy.made",  // the copy, which is nobody's child yet that is known of
    "guardian.maker.entered",
    "guardian.maker.copied",  // there is a guardian, nobody knows of it
    "guardian.alone",         // it has left everything of the application, and not said that it is there
    "guardian.told",          // it has; it watches nobody yet
    "guardian.watches",       // those of an earlier guardian
    "guardian.heard",         // of a new child or block, which is not in its table
    "guardian.added",
    "guardian.child.ended",  // nothing of it is tidied up
    "guardian.root.ended",   // nobody is ended yet
    "guardian.ended.all",    // names of shared memory are left
});

/// For tests: see CrashPoints.
inline void helper_step(CrashStep<helper_step_names> step) noexcept { CrashPoints::reached(step.point()); }

}  // namespace forebay::detail
