#include "tests/crash/step_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace forebay::crash {

void StepTable::print(const std::string& folder) const {
  std::string out = fmt::format("{}\n{:27} {:5} {:5} {:10} {:>8} {:>8} {:>11}  {}\n", title_, "step", "how",
                                "visit", "order", "attempts", "restarts", "recovery ms", "result");
  std::vector<std::int64_t> times;
  std::size_t good = 0;
  std::size_t bad = 0;
  for (const Row& row : rows_) {
    const std::string time =
        row.recovery_us < 0 ? "-" : fmt::format("{:.1f}", static_cast<double>(row.recovery_us) / 1000);
    out += fmt::format("{:27} {:5} {:5} {:10} {:>8} {:>8} {:>11}  {}\n", row.step, row.how, row.visit,
                       row.order, row.attempts_most, row.restarts, time, row.result);
    if (row.recovery_us >= 0) times.push_back(row.recovery_us);
    good += row.result == "ok" ? 1 : 0;
    bad += row.result.starts_with("BAD") ? 1 : 0;
  }
  std::sort(times.begin(), times.end());
  std::string sum = fmt::format("{}: {} deaths survived, {} not, {} runs where nobody comes to the step\n",
                                title_, good, bad, rows_.size() - good - bad);
  if (!times.empty()) {
    sum += fmt::format("from the death to the start of a replacement: median {:.1f} ms, longest {:.1f} ms\n",
                       static_cast<double>(times[times.size() / 2]) / 1000,
                       static_cast<double>(times.back()) / 1000);
  }
  static_cast<void>(std::fputs(sum.c_str(), stdout));
  std::string name = title_ + ".txt";
  std::replace(name.begin(), name.end(), ' ', '_');
  std::ofstream(folder + "/" + name) << out << sum;
}

}  // namespace forebay::crash
