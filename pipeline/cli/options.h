#pragma once

#include <CLI/CLI.hpp>

#include "pipeline/cli/run_arguments.h"

namespace forebay::cli {

/// Defines the options of `forebay run` on `app`; parsing fills `arguments`, which must outlive it.
void add_run_options(CLI::App& app, RunArguments& arguments);

/// What no single option can tell; throws Error(usage) with one clear line. Call after parsing.
void check_run_arguments(const CLI::App& app, const RunArguments& arguments);

}  // namespace forebay::cli
