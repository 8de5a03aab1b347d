#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

#include "host/error.h"
#include "host/process/init.h"
#include "pipeline/cli/command_line.h"
#include "pipeline/cli/console.h"
#include "pipeline/cli/exit_code.h"
#include "pipeline/cli/signals.h"

namespace {

using forebay::cli::ExitCode;

ExitCode guarded_main(int argc, char** argv, forebay::cli::Console& console) {
  try {
    forebay::cli::ignore_write_signals();
    return forebay::cli::run_command_line({argv + 1, argv + argc}, console);
  } catch (const forebay::Error& error) {
    console.line(error.what());
    return forebay::cli::exit_code_of(error.code());
  } catch (const std::bad_alloc&) {
    console.line("out of memory; lower --workers, --slots, --slot-mb or --batch");
  } catch (const std::system_error& error) {  // of a thread: there is no other that is none of ours
    console.line(std::string("cannot start a thread: ") + error.what() +
                 "; raise the limits on processes (ulimit -u, the cgroup's pids.max) and memory (ulimit -v)");
  } catch (const std::exception& error) {
    console.line(error.what());
  }
  return ExitCode::environment;
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::cli::Console console;
  return static_cast<int>(guarded_main(argc, argv, console));
}
