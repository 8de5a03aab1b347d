// The processor time that a pool takes which has nothing to do: this process's and its workers', to the
// nanosecond. Prints one line of JSON.
#include <ctime>
#include <iostream>
#include <ranges>
#include <thread>

#include "bench/host/figures.h"
#include "host/pool/pool.h"
#include "host/process/init.h"

namespace {

void nothing(int) {}

double cpu_ms(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) throw std::runtime_error("cannot read a process's CPU clock");
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double cpu_ms_of_all(const forebay::Pool& pool) {
  double ms = cpu_ms(CLOCK_PROCESS_CPUTIME_ID);
  for (const pid_t pid : pool.worker_pids()) {
    clockid_t clock{};
    if (::clock_getcpuclockid(pid, &clock) != 0) throw std::runtime_error("a worker has no CPU clock");
    ms += cpu_ms(clock);
  }
  return ms;
}

void run(std::uint32_t workers, std::uint32_t milliseconds) {
  forebay::Pool pool(workers);
  pool.map(nothing, std::views::iota(0, 1000), 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // whoever spins after work has gone to sleep
  const double before = cpu_ms_of_all(pool);
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  Figures figures;
  figures.add("idle_cpu_ms", cpu_ms_of_all(pool) - before);
  figures.print();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  try {
    const auto counts = counts_of(argc, argv, 2, "idle_pool WORKERS MILLISECONDS");
    run(counts[0], counts[1]);
  } catch (const std::exception& error) {
    std::cerr << "idle_pool: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
