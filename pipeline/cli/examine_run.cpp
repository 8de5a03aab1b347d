#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "device/cuda_module.h"
#include "host/error.h"
#include "host/limits.h"
#include "pipeline/cli/cuda_devices.h"
#include "pipeline/cli/finding.h"
#include "pipeline/cli/item_counter.h"
#include "pipeline/cli/report.h"
#include "pipeline/cli/run_needs.h"
#include "pipeline/flow/run_fit.h"
#include "pipeline/source/source.h"

namespace forebay::cli {
namespace {

constexpr const char* section = "this run";
using State = Finding::State;

/// The device that the run will find, asked for in a child as the run does.
Device examine_device(const PipelineOptions& options, Findings& findings) {
  if (options.device == DeviceChoice::cpu) {
    findings.push_back({section, "device", State::ok, "cpu"});
    return {};
  }
  std::string why;
  if (cuda_module_available(&why)) {
    const CudaDevices devices = ask_for_cuda_devices();
    const auto ordinal = static_cast<std::size_t>(options.device_ordinal);
    if (ordinal < devices.names.size()) {
      findings.push_back(
          {section, "device", State::ok, fmt::format("cuda:{} {}", ordinal, devices.names[ordinal])});
      return {DeviceKind::cuda, options.device_ordinal};
    }
    why = devices.names.empty() ? devices.error : fmt::format("there is no device {}", ordinal);
  }
  const bool asked = options.device == DeviceChoice::cuda;
  findings.push_back({section, "device", asked ? State::lacks : State::ok,
                      asked ? fmt::format("{}; use --device cpu", why) : fmt::format("cpu ({})", why)});
  return {};
}

Finding finding_of(const ResourceNeed& need) {
  if (need.fits()) {
    const bool limited = need.there != std::numeric_limits<std::uint64_t>::max();
    return {section, need.name, State::ok,
            fmt::format("needs {} ({}); {}", amount_text(need.need, need.bytes), need.what,
                        limited ? fmt::format("{} leaves {}", need.limit, amount_text(need.there, need.bytes))
                                : "there is no limit")};
  }
  return {section, need.name, State::lacks, describe(need)};
}

void examine_shape(const PipelineOptions& options, const Device& device, Findings& findings) {
  const RunFit fit = fit_run(options, {device}, Machine::read());
  const RunShape& shape = fit.shape;
  findings.push_back({section, "shape", State::note,
                      fmt::format("--workers {} --slots {} --slot-mb {:.2f} --batch {}",
                                  shape.inline_worker ? 0 : shape.workers, shape.slots_per_worker,
                                  static_cast<double>(shape.slot_bytes) / (1 << 20), options.batch)});
  if (!fit.note.empty()) findings.push_back({section, "made smaller", State::note, fit.note});
  for (const ResourceNeed& need : fit.needs) findings.push_back(finding_of(need));
  if (device.kind == DeviceKind::cuda) {
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    findings.push_back(
        {section, "memlock", State::note,
         fmt::format("the driver page-locks {}; RLIMIT_MEMLOCK (ulimit -l) is {}, which most "
                     "drivers do not count it against",
                     bytes_text(shape.arena_bytes),
                     limit.rlim_cur == RLIM_INFINITY ? "unlimited" : bytes_text(limit.rlim_cur))});
  } else {
    findings.push_back({section, "memlock", State::ok, "nothing is page-locked on the cpu"});
  }
}

/// How many entries there are: by the sources alone, as the run knows it when it starts, and counted.
struct Entries {
  std::optional<std::uint64_t> known;
  std::optional<std::uint64_t> counted;
};

Entries examine_sources(const RunArguments& arguments, Findings& findings) {
  Entries entries;
  const auto& sources = arguments.sources;
  if (!std::all_of(sources.begin(), sources.end(), can_be_read_twice)) {
    findings.push_back(
        {section, "sources", State::note, "not counted: a list from a pipe is read only once"});
    return entries;
  }
  entries.known = open_sources(sources)->size_hint();
  const auto deadline = std::chrono::steady_clock::now() + limits::doctor_count;
  const Sampling sampling = sampling_of(arguments.options);
  const bool all = sampling.needs_all() || sampling.shards > 1;
  const Counted counted = count_items(sources, all ? std::nullopt : sampling.limit, deadline);
  if (counted.items == 0 && counted.all && arguments.options.limit != 0U) {
    const std::string note = counted.note.empty() ? "" : fmt::format(" ({})", counted.note);
    throw Error(ErrorCode::usage, fmt::format("no pictures in {}{}", fmt::join(sources, ", "), note));
  }
  entries.counted = counted.items;
  findings.push_back(
      {section, "sources", State::ok,
       fmt::format("{}{}, {} of this run", counted.all ? "" : "at least ",
                   forebay::counted(counted.items, "picture"), samples_of(sampling, counted.items))});
  return entries;
}

void examine_output(const RunArguments& arguments, const Entries& entries, Findings& findings) {
  if (arguments.out.empty()) return;
  try {
    const std::vector<ResourceNeed> at_start = output_needs(arguments, entries.known);
    const std::vector<ResourceNeed> at_end = output_needs(arguments, entries.counted);
    for (std::size_t i = 0; i < at_end.size(); ++i) {
      const bool starts = at_start[i].fits();
      Finding finding = finding_of(starts ? at_end[i] : at_start[i]);
      if (starts && !at_end[i].fits()) finding.text += "; else the run stops there, and keeps what it has";
      findings.push_back(std::move(finding));
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::usage) throw;
    findings.push_back({section, "output", State::lacks, error.what()});
  }
}

}  // namespace

Findings examine_run(const RunArguments& arguments) {
  Findings findings;
  const Entries entries = examine_sources(arguments, findings);
  const Device device = examine_device(arguments.options, findings);
  examine_shape(arguments.options, device, findings);
  examine_output(arguments, entries, findings);
  return findings;
}

}  // namespace forebay::cli
