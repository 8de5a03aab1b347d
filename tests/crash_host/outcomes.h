#pragma once

#include <chrono>
#include <exception>
#include <fstream>
#include <optional>
#include <string>
#include <typeinfo>

#include "host/pool/crew_error.h"
#include "host/pool/future_error.h"
#include "tests/crash_host/jobs.h"

namespace forebay::crash {

/// No outcome takes longer, whatever the machine is at; what takes longer hangs.
inline constexpr std::chrono::seconds patience{20};

inline void touch(const std::string& path) { std::ofstream(path) << '\n'; }

/// Compares the outcomes of a job's items with the known ones.
class Outcomes {
 public:
  Outcomes(JobReport& to, unsigned items) : report(to) { report.items += items; }

  /// `got` and `known` each return a value or throw: the same value, or an exception of the same text.
  template <typename Got, typename Known>
  void item(Got&& got, Known&& known) {
    count([&] {
      std::optional<decltype(known())> expected;
      std::string error;
      try {
        expected = known();
      } catch (const std::exception& thrown) {
        error = thrown.what();
      }
      try {
        const auto& value = got();
        return expected && value == *expected;
      } catch (const WorkerDied&) {
        throw;
      } catch (const TaskTimeout&) {
        throw;
      } catch (const TimeoutError&) {
        throw;
      } catch (const std::exception& thrown) {
        return !expected && error == thrown.what();
      }
    });
  }

  /// The results of a whole map: `known(i)` is item i's.
  template <typename Got, typename Known>
  void all(Got&& got, Known&& known) {
    try {
      const auto& values = got();
      if (values.size() != report.items) ++report.missing;
      for (std::size_t i = 0; i < values.size(); ++i) {
        ++(values[i] == known(static_cast<std::int64_t>(i)) ? report.right : report.wrong);
      }
    } catch (const WorkerDied&) {
      ++report.died;
      report.right += report.items - 1;  // a map says no more
    } catch (const TimeoutError&) {
      ++report.missing;
    } catch (const std::exception&) {
      ++report.wrong;
    }
  }

  /// One item more: true if it was right.
  template <typename Got>
  void extra(Got&& got) {
    ++report.items;
    count(got);
  }

  /// Whether the pool goes on: a worker may die of the first task, but not of the second.
  template <typename Got>
  void goes_on(Got&& got) {
    const unsigned died_before = report.died;
    extra(got);
    if (report.died != died_before) extra(got);
    report.goes_on = report.died <= died_before + 1 && report.missing == 0;
  }

  JobReport& report;

 private:
  template <typename Got>
  void count(Got&& got) {
    try {
      ++(got() ? report.right : report.wrong);
    } catch (const WorkerDied&) {
      ++report.died;
    } catch (const TaskTimeout&) {
      ++report.died;
    } catch (const TimeoutError&) {
      ++report.missing;
    } catch (const std::exception&) {
      ++report.wrong;
    }
  }
};

}  // namespace forebay::crash
