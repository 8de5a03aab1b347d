#pragma once

#include <CLI/CLI.hpp>

#include "pipeline/options.h"

namespace forebay::cli {

/// Which pictures a run takes, how often and in what order: --limit, --epochs, --shuffle, --shard,
/// --last-batch.
void add_plan_options(CLI::App& app, PipelineOptions& options);

}  // namespace forebay::cli
