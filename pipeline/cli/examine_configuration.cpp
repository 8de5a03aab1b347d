#include <fmt/format.h>

#include "pipeline/cli/finding.h"
#include "pipeline/cli/report.h"
#include "pipeline/flow/run_fit.h"

namespace forebay::cli {
namespace {

constexpr const char* section = "fits";
using State = Finding::State;

}  // namespace

Findings examine_configuration() {
  const PipelineOptions options;
  const RunFit fit = fit_run(options, {}, Machine::read());
  const RunShape& shape = fit.shape;
  Findings findings;
  findings.push_back(
      {section, "run", State::note,
       fmt::format("--workers {} --slots {} --slot-mb {:.2f} --batch {} (the defaults here, on the cpu)",
                   shape.workers, shape.slots_per_worker, static_cast<double>(shape.slot_bytes) / (1 << 20),
                   options.batch)});
  for (const ResourceNeed& need : fit.needs) {
    if (need.fits() && need.name != "memory") continue;
    findings.push_back({section, need.name, need.fits() ? State::ok : State::lacks,
                        need.fits() ? fmt::format("about {} needed, {} available", bytes_text(need.need),
                                                  bytes_text(need.there))
                                    : describe(need)});
  }
  return findings;
}

}  // namespace forebay::cli
