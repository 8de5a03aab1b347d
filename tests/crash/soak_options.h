#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace forebay::crash {

/// A way to end a process from outside, or to stop it.
struct SoakSignal {
  std::string name;
  int number = 0;
};

struct SoakOptions {
  std::uint64_t items = 100'000;  ///< of the disturbed runs; the undisturbed ones have as many
  std::uint64_t rounds = 25;      ///< an undisturbed and a disturbed run each
  std::uint64_t every_ms = 50;    ///< between two kills
  std::uint64_t seed = 1;
  std::uint32_t workers = 2;
  std::uint32_t batch = 64;
  bool owner = false;
  bool numbers = false;  ///< a cheap host stage instead of pictures
  std::vector<SoakSignal> signals;
};

/// Reads the command line. Where the program is to end instead, its exit code: 0 after --help, 2 for what it
/// does not know.
[[nodiscard]] int read_options(int argc, char** argv, SoakOptions& options, bool& go_on);

}  // namespace forebay::crash
