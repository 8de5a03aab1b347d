#include <fmt/format.h>

#include "host/error.h"
#include "host/memory/memory_budget.h"
#include "pipeline/cli/finding.h"
#include "pipeline/cli/report.h"
#include "pipeline/flow/run_shape.h"

namespace forebay::cli {
namespace {

constexpr const char* section = "fits";
using State = Finding::State;

/// Resident code, decoder scratch and tables of one process, measured: 12 to 20 MB.
constexpr std::uint64_t process_bytes = 20'000'000;

}  // namespace

Findings examine_configuration() {
  const PipelineOptions options;
  const RunShape shape = shape_of(options, Device{}, true, 0, 0);
  const std::uint64_t bytes = shape.arena_bytes + process_bytes * (shape.workers + 1);
  const MemoryBudget budget = MemoryBudget::read();
  Findings findings;
  findings.push_back(
      {section, "run", State::note,
       fmt::format("--workers {} --slots {} --slot-mb {:.2f} --batch {} (the defaults here, on the cpu)",
                   shape.workers, shape.slots_per_worker, static_cast<double>(shape.slot_bytes) / (1 << 20),
                   options.batch)});
  const bool fits = bytes <= budget.available_bytes;
  findings.push_back(
      {section, "memory", fits ? State::ok : State::lacks,
       fmt::format("about {} needed, {} available{}", bytes_text(bytes), bytes_text(budget.available_bytes),
                   fits ? "" : "; lower --workers, --slots or --batch")});
  return findings;
}

}  // namespace forebay::cli
