#pragma once

#include <string>
#include <vector>

#include "pipeline/cli/console.h"
#include "pipeline/cli/exit_code.h"

namespace forebay::cli {

/// Parses the command line (without the program's name) and runs the command that it names. A line that makes
/// no sense is one line on stderr and ExitCode::usage. Throws Error where the command does.
[[nodiscard]] ExitCode run_command_line(std::vector<std::string> words, Console& console);

}  // namespace forebay::cli
