#pragma once

#include "host/error.h"

namespace forebay::cli {

/// What the command returns; documented in --help.
enum class ExitCode : int {
  done = 0,
  item_failed = 1,   ///< some item failed under --on-error fail
  usage = 2,         ///< the command line makes no sense
  environment = 3,   ///< no such device, too little memory, no space, a process that cannot be started ...
  interrupted = 130  ///< Ctrl+C or SIGTERM
};

[[nodiscard]] constexpr ExitCode exit_code_of(ErrorCode code) noexcept {
  if (code == ErrorCode::usage) return ExitCode::usage;
  if (code == ErrorCode::interrupted) return ExitCode::interrupted;
  return ExitCode::environment;
}

}  // namespace forebay::cli
