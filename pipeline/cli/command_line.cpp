#include "pipeline/cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "host/error.h"
#include "pipeline/cli/doctor_command.h"
#include "pipeline/cli/option_values.h"
#include "pipeline/cli/options.h"
#include "pipeline/cli/run_command.h"
#include "pipeline/cli/version_text.h"

namespace forebay::cli {
namespace {

constexpr std::size_t help_columns = 38;

const char* const footer = R"(Examples:
  forebay run photos/ --out tensors/     pictures become tensors.npy, ready for a ResNet
  forebay doctor                         what this machine offers, and the configuration that fits
  forebay doctor run photos/ --out t/    what that run would take, what there is, and what to change
  forebay run --help                     every option)";

/// Help and --version end in an exception too.
ExitCode finish_parse(const CLI::App& app, const CLI::App& run, const CLI::ParseError& error,
                      Console& console) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    app.exit(error, std::cout, std::cout);
    return ExitCode::done;
  }
  console.line(fmt::format("{}; see forebay{} --help", one_line(error.what()), run.parsed() ? " run" : ""));
  return ExitCode::usage;
}

}  // namespace

ExitCode run_command_line(std::vector<std::string> words, Console& console) {
  CLI::App app("Forebay: pictures to tensors, through spawned workers and one GPU owner.", "forebay");
  app.get_formatter()->column_width(help_columns);
  app.set_version_flag("--version", version_text, "Print the version and exit");
  app.footer(footer);

  CLI::App& run = *app.add_subcommand("run", "Turn pictures into tensors");
  RunArguments arguments;
  add_run_options(run, arguments);
  run.set_version_flag("--version", version_text, "Print the version and exit");

  CLI::App& doctor = *app.add_subcommand("doctor", "Say what this machine offers and what it lacks");
  bool doctor_json = false;
  doctor.add_flag("--json", doctor_json, "Print it as JSON");
  CLI::App& foresee =
      *doctor.add_subcommand("run", "Say what a run would take, what there is, and what to change");
  RunArguments foreseen;
  add_run_options(foresee, foreseen);

  join_triples(words);
  std::reverse(words.begin(), words.end());  // CLI11 takes its words from the back
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return finish_parse(app, run, error, console);
  }
  if (run.parsed()) {
    check_run_arguments(run, arguments);
    return run_command(arguments, console);
  }
  if (foresee.parsed()) {
    check_run_arguments(foresee, foreseen);
    return doctor_run_command(foreseen, doctor_json || foreseen.json);
  }
  if (doctor.parsed()) return doctor_command(doctor_json);
  throw Error(ErrorCode::usage, "a command is missing: run or doctor; see forebay --help");
}

}  // namespace forebay::cli
