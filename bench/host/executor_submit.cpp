// What a submitted task costs that does nothing: many at once, and one after another. Prints one line of
// JSON.
#include <iostream>
#include <vector>

#include "bench/host/figures.h"
#include "host/pool/executor.h"
#include "host/process/init.h"

namespace {

void nothing(int) {}

double us_of_burst(forebay::ProcessPoolExecutor& executor, std::uint32_t tasks) {
  const Stopwatch watch;
  std::vector<forebay::Future<void>> futures;
  futures.reserve(tasks);
  for (std::uint32_t i = 0; i < tasks; ++i) futures.push_back(executor.submit(nothing, static_cast<int>(i)));
  for (const auto& future : futures) future.result();
  return watch.seconds() * 1e6 / tasks;
}

double us_one_by_one(forebay::ProcessPoolExecutor& executor, std::uint32_t tasks) {
  const Stopwatch watch;
  for (std::uint32_t i = 0; i < tasks; ++i) executor.submit(nothing, static_cast<int>(i)).result();
  return watch.seconds() * 1e6 / tasks;
}

void run(std::uint32_t workers, std::uint32_t burst, std::uint32_t round_trips) {
  forebay::ProcessPoolExecutor executor(workers);
  us_of_burst(executor, 1000);  // the workers are there, and have run
  Figures figures;
  figures.add("burst_us", median_of_rounds([&] { return us_of_burst(executor, burst); }));
  figures.add("round_trip_us", median_of_rounds([&] { return us_one_by_one(executor, round_trips); }));
  figures.print();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  try {
    const auto counts = counts_of(argc, argv, 3, "executor_submit WORKERS BURST ROUND_TRIPS");
    run(counts[0], counts[1], counts[2]);
  } catch (const std::exception& error) {
    std::cerr << "executor_submit: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
