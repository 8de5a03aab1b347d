#include "tests/crash_host/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace forebay::crash {
namespace {

void keep(std::vector<std::string>& names, std::string_view name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}

}  // namespace

void Table::add(std::string_view point, std::string_view job, bool died, bool well) {
  keep(points_, point);
  keep(jobs_, job);
  Cell& cell = cells_[{std::string(point), std::string(job)}];
  ++cell.runs;
  cell.deaths += died ? 1 : 0;
  cell.well = cell.well && well;
}

std::string Table::text() const {
  std::string out = fmt::format("{:26}", title_);
  for (const std::string& job : jobs_) out += fmt::format(" {:>15}", job);
  out += "\n";
  for (const std::string& point : points_) {
    out += fmt::format("{:26}", point);
    for (const std::string& job : jobs_) {
      const auto found = cells_.find({point, job});
      const Cell cell = found == cells_.end() ? Cell{} : found->second;  // not every point has every job
      out += fmt::format(" {:>15}",
                         cell.deaths == 0 && cell.well
                             ? "-"
                             : fmt::format("{} of {} {}", cell.deaths, cell.runs, cell.well ? "ok" : "BAD"));
    }
    out += "\n";
  }
  out += "deaths of runs; -: the job does not come there\n";
  if (!note_.empty()) out += note_ + "\n";
  return out;
}

void Table::print(const std::string& folder) const {
  const std::string all = text();
  static_cast<void>(std::fputs(all.c_str(), stdout));
  std::string name = title_ + ".txt";
  std::replace(name.begin(), name.end(), ' ', '_');
  std::ofstream(folder + "/" + name) << all;
}

}  // namespace forebay::crash
