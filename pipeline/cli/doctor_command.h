#pragma once

#include <string>

#include "pipeline/cli/exit_code.h"
#include "pipeline/cli/finding.h"

namespace forebay::cli {

/// `forebay doctor`: a page to stdout on what this machine offers, what it lacks, and what fits. Blocks until
/// the child that asks the driver has answered (limits::owner_start at most). Throws Error(io).
[[nodiscard]] ExitCode doctor_command(bool json);

/// `forebay doctor run …`: the same for one command line, with what to change where it does not fit:
/// ExitCode::environment then. Throws Error(usage) where the run would, Error(io).
[[nodiscard]] ExitCode doctor_run_command(const RunArguments& arguments, bool json);

/// The page for a person, and the same as JSON: {version, findings: [{section, name, state, text}]}.
[[nodiscard]] std::string doctor_page(const Findings& findings);
[[nodiscard]] std::string doctor_json(const Findings& findings);

}  // namespace forebay::cli
