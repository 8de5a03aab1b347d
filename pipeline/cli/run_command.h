#pragma once

#include "pipeline/cli/console.h"
#include "pipeline/cli/exit_code.h"
#include "pipeline/cli/run_arguments.h"

namespace forebay::cli {

/// `forebay run`: pictures to tensors and the files that tell about them. Blocks until the run is over.
/// Throws Error where it cannot begin or breaks off; what was finished is kept, and said, in that case too.
[[nodiscard]] ExitCode run_command(const RunArguments& arguments, Console& console);

}  // namespace forebay::cli
