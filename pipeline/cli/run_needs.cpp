#include "pipeline/cli/run_needs.h"

#include <span>

#include "pipeline/sink/output_folder.h"
#include "pipeline/sink/output_space.h"
#include "pipeline/sink/run_output.h"

namespace forebay::cli {

std::vector<ResourceNeed> output_needs(const RunArguments& arguments, std::optional<std::uint64_t> entries) {
  if (arguments.out.empty()) return {};
  const bool replaces = arguments.force || arguments.resume;
  OutputFolder::check(arguments.out, RunOutput::names, replaces);
  std::span<const std::string_view> replaced;
  if (replaces) replaced = RunOutput::names;
  const PipelineOptions& options = arguments.options;
  OutputDemand demand;
  if (entries) demand.items = samples_of(sampling_of(options), *entries);
  const std::uint64_t crop = options.prepare.crop;
  if (arguments.write_tensors) demand.row_bytes = crop * crop * 3 * size_of(options.finish.dtype);
  return needs_of(demand, OutputSpace::read(arguments.out, replaced));
}

void admit_output(const RunArguments& arguments, std::optional<std::uint64_t> entries) {
  for (const ResourceNeed& need : output_needs(arguments, entries)) admit(need);
}

}  // namespace forebay::cli
