// How long after a worker was killed its task's future fails. The worker notes the time in shared memory and
// kills itself at once; both processes read CLOCK_MONOTONIC, which is the same in all of them. Prints one
// line of JSON.
#include <csignal>
#include <iostream>
#include <vector>

#include "bench/host/figures.h"
#include "host/codec/shared_range.h"
#include "host/pool/crew_error.h"
#include "host/pool/executor.h"
#include "host/process/init.h"

namespace {

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

void die(const forebay::SharedRange<std::int64_t>& killed_at) {
  killed_at[0] = now_ns();
  std::raise(SIGKILL);
}

double ms_from_death_to_failure(forebay::ProcessPoolExecutor& executor) {
  const forebay::SharedRange<std::int64_t> killed_at(1);
  const forebay::Future<void> future = executor.submit(die, killed_at);
  try {
    future.result();
  } catch (const forebay::WorkerDied&) {
    return static_cast<double>(now_ns() - killed_at[0]) / 1e6;
  }
  throw std::runtime_error("a task that kills its worker succeeded");
}

void run(std::uint32_t workers, std::uint32_t deaths) {
  forebay::ProcessPoolExecutor executor(workers);
  std::vector<double> samples;
  for (std::uint32_t i = 0; i < deaths; ++i) samples.push_back(ms_from_death_to_failure(executor));
  Figures figures;
  figures.add("death_p50_ms", quantile(samples, 0.5));
  figures.add("death_p99_ms", quantile(samples, 0.99));
  figures.add("death_max_ms", quantile(samples, 1));
  figures.print();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  try {
    const auto counts = counts_of(argc, argv, 2, "worker_death WORKERS DEATHS");
    run(counts[0], counts[1]);
  } catch (const std::exception& error) {
    std::cerr << "worker_death: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
