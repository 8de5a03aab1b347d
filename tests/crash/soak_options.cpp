#include "tests/crash/soak_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>

namespace forebay::crash {
namespace {

const std::vector<SoakSignal>& known_signals() {
  // exit: the program's handler of SIGUSR1 is _exit(3).
  static const std::vector<SoakSignal> all{{"kill", SIGKILL}, {"segv", SIGSEGV}, {"exit", SIGUSR1},
                                           {"abrt", SIGABRT}, {"term", SIGTERM}, {"stop", SIGSTOP}};
  return all;
}

void add_signal(const std::string& name, SoakOptions& options) {
  const auto& all = known_signals();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const SoakSignal& signal) { return signal.name == name; });
  if (found == all.end())
    throw CLI::ValidationError("--signals", name + " is none of kill, segv, exit, abrt, term, stop");
  options.signals.push_back(*found);
}

}  // namespace

int read_options(int argc, char** argv, SoakOptions& options, bool& go_on) {
  CLI::App app(
      "Kills a random worker, or the owner, every few milliseconds while a pipeline works, holds every byte "
      "to "
      "an undisturbed run's, and reports. Exit: 0 where nothing was lost, wrong, quarantined or left behind, "
      "1 "
      "where something was, 2 for wrong usage.");
  std::vector<std::string> signals{"kill", "segv", "exit"};
  app.add_option("--items", options.items, "Items of the disturbed runs together")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000'000));
  app.add_option("--rounds", options.rounds, "Pairs of an undisturbed and a disturbed run")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--every-ms", options.every_ms, "From one kill to the next")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--seed", options.seed, "Of who is killed, and how")->capture_default_str();
  app.add_option("--workers", options.workers, "Processes that decode")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--batch", options.batch, "Items of a batch")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  app.add_flag("--owner,!--no-owner", options.owner, "With an owner of the cpu, which is killed too");
  app.add_flag("--numbers", options.numbers,
               "A cheap host stage instead of pictures to decode; without an owner");
  app.add_option("--signals", signals, "Of kill, segv, exit, abrt, term, stop")
      ->delimiter(',')
      ->capture_default_str();
  go_on = false;
  try {
    app.parse(argc, argv);
    for (const std::string& name : signals) add_signal(name, options);
    if (options.owner && options.numbers)
      throw CLI::ValidationError("--numbers", "is for host stages, which leave an owner nothing to do");
  } catch (const CLI::ParseError& end) {
    return app.exit(end) == 0 ? 0 : 2;
  }
  go_on = true;
  return 0;
}

}  // namespace forebay::crash
