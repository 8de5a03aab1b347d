#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pipeline/cli/run_arguments.h"
#include "pipeline/flow/resource_need.h"

namespace forebay::cli {

/// What `--out` of a command line takes; `entries`: of the sources, where that is known. Writes and creates
/// nothing. Throws Error(usage) where the folder may not be used, Error(environment) where nothing may be
/// written there. Empty without --out.
[[nodiscard]] std::vector<ResourceNeed> output_needs(const RunArguments& arguments,
                                                     std::optional<std::uint64_t> entries);

/// Throws what the run is to say of an output that cannot do: before anything is created or started.
void admit_output(const RunArguments& arguments, std::optional<std::uint64_t> entries);

}  // namespace forebay::cli
