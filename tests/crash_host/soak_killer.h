#pragma once

#include <random>
#include <vector>

#include "tests/crash_host/soak_load.h"

namespace forebay::crash {

/// Ends random workers of several loads, at random moments, in several ways.
class Killer {
 public:
  Killer(std::vector<Load*> loads, DeathLog& log, std::uint64_t seed);
  /// Kills until there were so many. Adds to the report's figures; `stuck` where a load goes on no more.
  void run(std::uint64_t kills, SoakReport& report);

 private:
  struct Kill {
    pid_t pid = 0;
    DeathLog::TimePoint signalled;
    DeathLog::TimePoint ended;
  };
  bool kill_one(std::size_t load, SoakReport& report);
  bool wait_for_progress(std::size_t load, SoakReport& report);
  void note_answers(SoakReport& report);
  void pause_up_to(std::chrono::microseconds longest);

  std::vector<Load*> loads_;
  std::vector<std::uint64_t> outcomes_seen_;
  std::vector<std::uint64_t> workers_seen_;
  std::vector<unsigned> kills_since_;
  DeathLog& log_;
  std::mt19937_64 random_;
  std::vector<Kill> open_;
};

}  // namespace forebay::crash
