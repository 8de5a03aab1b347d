#pragma once

#include <string>

#include "pipeline/cli/run_arguments.h"
#include "pipeline/sink/resume_point.h"
#include "pipeline/sink/run_manifest.h"

namespace forebay::cli {

/// Holds what --resume was asked for to the run that it is to go on with. Throws Error(usage) that names each
/// option that would change the bits, and a --limit below what is done. Returns a note where the versions of
/// Forebay or a library differ; empty otherwise.
[[nodiscard]] std::string check_resume(const RunArguments& arguments, const RunManifest& manifest,
                                       const ResumePoint& point);

/// True if the log says so and the sources, read once more, hold nothing else: more of --limit or --epochs,
/// or new entries, make a complete run one that goes on. False for a list that comes through a pipe: its run
/// finds out. Throws Error(usage) where the sources do not begin with the run's entries.
[[nodiscard]] bool is_complete(const RunArguments& arguments, const ResumePoint& point);

/// The error of a source that has changed, with the first entry that did, where that can be told.
[[nodiscard]] std::string changed_sources_text(const std::string& error, const RunArguments& arguments,
                                               const ResumePoint& point);

}  // namespace forebay::cli
