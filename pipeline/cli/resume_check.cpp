#include "pipeline/cli/resume_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "host/error.h"
#include "pipeline/cli/item_counter.h"
#include "pipeline/cli/source_difference.h"
#include "pipeline/sink/run_output.h"
#include "pipeline/source/sampler.h"
#include "pipeline/source/source.h"

namespace forebay::cli {

namespace {

/// Lines that wait for an earlier item's are written when that comes: whether the sources still name them so
/// is seen here only, for the plan compares what lies before. A list that has not changed need not be read.
void check_held(const RunArguments& arguments, const ResumePoint& point) {
  const std::vector<std::string>& sources = arguments.sources;
  if (point.held.empty() || !std::all_of(sources.begin(), sources.end(), can_be_read_twice)) return;
  std::unique_ptr<Source> source = open_sources(sources);
  if (const std::string identity = source->identity();
      !identity.empty() && identity == point.state->source.identity) {
    return;
  }
  const auto sampler = make_sampler(std::move(source), sampling_of(arguments.options), {});
  std::optional<Sample> sample = sampler->next();
  for (const auto& [begin, waiting] : point.held) {
    while (sample && sample->index < begin) sample = sampler->next();
    for (const LineBlock::Entry& was : waiting.block.entries) {
      if (!sample || sample->entry.path != was.path || sample->entry.label != was.label) {
        const std::string now = sample ? std::string(sample->entry.path) : "not there any more";
        throw Error(ErrorCode::usage,
                    fmt::format("the sources have changed: an item that is done was {}, and is "
                                "{}; give the same sources, or --force to start afresh",
                                was.path, now));
      }
      sample = sampler->next();
    }
  }
}

}  // namespace

std::string check_resume(const RunArguments& arguments, const RunManifest& manifest,
                         const ResumePoint& point) {
  const RunManifest former = RunManifest::parse(point.manifest);
  if (const std::string difference = manifest.difference(former); !difference.empty()) {
    throw Error(ErrorCode::usage,
                fmt::format("--resume: the run in {} was started with other options: {}; give "
                            "those, or --force to start afresh",
                            arguments.out, difference));
  }
  const DoneItems done = point.done();
  const std::uint64_t end = done.ranges.empty() ? 0 : done.ranges.back().end;
  if (arguments.options.limit.value_or(UINT64_MAX) < end) {
    throw Error(ErrorCode::usage,
                fmt::format("--resume: --limit {} is below the {} items that the run in {} has come to",
                            *arguments.options.limit, end, arguments.out));
  }
  const std::uint64_t epochs =
      point.state->epochs_end -
      std::min<std::uint64_t>(point.state->epochs_end, arguments.options.prepare.epoch);
  if (arguments.options.epochs < epochs) {
    throw Error(ErrorCode::usage,
                fmt::format("--resume: --epochs {} is below the {} that the run in {} has begun",
                            arguments.options.epochs, epochs, arguments.out));
  }
  check_held(arguments, point);
  const std::string versions = manifest.version_difference(former);
  if (versions.empty()) return "";
  return fmt::format("the run was started with other versions: {}; its other rows may differ in bits",
                     versions);
}

bool is_complete(const RunArguments& arguments, const ResumePoint& point) {
  const std::vector<std::string>& sources = arguments.sources;
  if (!point.complete || !std::all_of(sources.begin(), sources.end(), can_be_read_twice)) return false;
  try {
    return !make_sampler(open_sources(sources), sampling_of(arguments.options), point.done())->next();
  } catch (const Error& error) {
    throw Error(error.code(), changed_sources_text(error.what(), arguments, point));
  }
}

std::string changed_sources_text(const std::string& error, const RunArguments& arguments,
                                 const ResumePoint& point) {
  const std::string items = std::filesystem::path(arguments.out) / RunOutput::items_name;
  const std::string where = source_difference(arguments, items, point.state->watermark);
  return where.empty() ? error : fmt::format("{}: {}", error, where);
}

}  // namespace forebay::cli
