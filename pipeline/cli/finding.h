#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/cli/run_arguments.h"

namespace forebay::cli {

/// One line of `forebay doctor`.
struct Finding {
  enum class State { ok, lacks, note };
  std::string section;
  std::string name;
  State state = State::ok;
  std::string text;
};

[[nodiscard]] constexpr std::string_view to_string(Finding::State state) noexcept {
  switch (state) {
    case Finding::State::ok: return "ok";
    case Finding::State::lacks: return "lacks";
    case Finding::State::note: return "note";
  }
  return "invalid";
}

using Findings = std::vector<Finding>;

/// Cores, memory, limits. Reads /proc, /sys and the process's own limits.
[[nodiscard]] Findings examine_machine();
/// The kernel's features that Forebay stands on, each tried out.
[[nodiscard]] Findings examine_kernel();
/// Toolkit, driver, module, and the devices as a child process sees them: this one never loads the driver.
[[nodiscard]] Findings examine_cuda();
/// The shape of a run with default options, and whether it fits.
[[nodiscard]] Findings examine_configuration();
/// What the run of this command line would take, what there is, and what to change; starts nothing of it and
/// writes nothing. Reads no pipe. Counts entries for limits::doctor_count at most. Throws Error(usage) where
/// the run would.
[[nodiscard]] Findings examine_run(const RunArguments& arguments);

}  // namespace forebay::cli
