#include "pipeline/cli/doctor_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "pipeline/cli/console.h"
#include "pipeline/cli/report.h"
#include "pipeline/cli/version_text.h"

namespace forebay::cli {

ExitCode doctor_command(bool json) {
  Findings findings;
  for (auto* examine : {examine_machine, examine_kernel, examine_cuda, examine_configuration}) {
    for (Finding& finding : examine()) findings.push_back(std::move(finding));
  }
  print_to_stdout(json ? doctor_json(findings) : doctor_page(findings));
  return ExitCode::done;
}

ExitCode doctor_run_command(const RunArguments& arguments, bool json) {
  const Findings findings = examine_run(arguments);
  print_to_stdout(json ? doctor_json(findings) : doctor_page(findings));
  const bool fits = std::none_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.state == Finding::State::lacks;
  });
  return fits ? ExitCode::done : ExitCode::environment;
}

std::string doctor_page(const Findings& findings) {
  std::string page = version_text() + '\n';
  std::string section;
  for (const Finding& finding : findings) {
    if (finding.section != section) {
      section = finding.section;
      page += fmt::format("\n{}\n", section);
    }
    page +=
        fmt::format("  {:<6} {:<12} {}\n", to_string(finding.state), finding.name, one_line(finding.text));
  }
  return page;
}

std::string doctor_json(const Findings& findings) {
  using Json = nlohmann::ordered_json;
  constexpr int indent_columns = 2;
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"section", finding.section},
                    {"name", finding.name},
                    {"state", to_string(finding.state)},
                    {"text", finding.text}});
  }
  const Json json{{"version", version_text()}, {"findings", list}};
  return json.dump(indent_columns, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace forebay::cli
