#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "host/process/crash_step.h"

namespace forebay {

/// The steps of a run's files at which the coordinator can be made to die, in their order. The one list for
/// the code and for the test that kills at every step and resumes.
inline constexpr auto commit_step_names = std::to_array<std::string_view>({
    "pipeline.begin.log",  // commit.log has its manifest; of the other files, those of a former run are left
    "pipeline.begin.cleared",  // those are gone
    "pipeline.begin.tensors",
    "pipeline.begin.files",      // all are there, and empty
    "pipeline.resume.log",       // what follows the last good record is cut off
    "pipeline.resume.tensors",   // so in tensors.npy
    "pipeline.resume.items",     // in items.jsonl
    "pipeline.resume.files",     // and in quarantine.jsonl
    "pipeline.resume.recorded",  // the log says that another session goes on
    "pipeline.commit.rows",      // a batch's rows are written, the header does not count them
    "pipeline.commit.header",    // it does
    "pipeline.commit.quarantine",
    "pipeline.commit.lines",   // the log does not know of it
    "pipeline.commit.synced",  // --durable: all but the log is on the disk
    "pipeline.commit.log",     // the batch is done
    "pipeline.finish.tensors",    "pipeline.finish.items", "pipeline.finish.sheet",
    "pipeline.finish.summary",  // all is there, the log does not say that the run is complete
    "pipeline.finish.complete",
});

/// For tests: the place of a step; costs one relaxed load otherwise. See CrashPoints.
inline void commit_step(CrashStep<commit_step_names> step) noexcept { CrashPoints::reached(step.point()); }

}  // namespace forebay
