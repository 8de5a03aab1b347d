#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "host/pool/crew_options.h"

namespace forebay::crash {

/// How a job is run: workers beside the process that has the pool, and what a death means.
struct JobSetup {
  std::uint32_t workers = 1;
  OnDeath on_death = OnDeath::retry;
  std::string folder;  ///< for jobs whose own items die once: where they leave their marks
};

/// What came of a job's items, each of which has one known outcome.
struct JobReport {
  unsigned items = 0;
  unsigned right = 0;
  unsigned wrong = 0;    ///< another value or exception than the known one
  unsigned died = 0;     ///< WorkerDied, TaskTimeout
  unsigned missing = 0;  ///< no outcome in time, or one too few or too many
  bool goes_on = false;  ///< the pool ran a task afterwards, was closed and has ended
};

struct Job {
  const char* name;
  void (*run)(const JobSetup& setup, JobReport& report);
  unsigned own_deaths = 0;  ///< workers that end by an item of it
  bool slow = false;        ///< one set-up is enough
};

/// Every way into a pool: single items, chunks, walks over results, futures, large payloads, descriptors.
[[nodiscard]] std::span<const Job> jobs();

}  // namespace forebay::crash
