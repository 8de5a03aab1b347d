// What a task costs in Pool::map that does nothing, alone and in Python's default chunks. Prints one line of
// JSON.
#include <iostream>
#include <ranges>

#include "bench/host/figures.h"
#include "host/pool/pool.h"
#include "host/process/init.h"

namespace {

void nothing(int) {}

double us_per_task(forebay::Pool& pool, std::uint32_t tasks, std::uint32_t chunk_size) {
  const Stopwatch watch;
  pool.map(nothing, std::views::iota(0, static_cast<int>(tasks)), chunk_size);
  return watch.seconds() * 1e6 / tasks;
}

void run(std::uint32_t workers, std::uint32_t single_tasks, std::uint32_t chunked_tasks) {
  forebay::Pool pool(workers);
  us_per_task(pool, 1000, 1);  // the workers are there, and have run
  Figures figures;
  figures.add("chunk_1_us", median_of_rounds([&] { return us_per_task(pool, single_tasks, 1); }));
  figures.add("chunk_default_us", median_of_rounds([&] { return us_per_task(pool, chunked_tasks, 0); }));
  figures.print();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  try {
    const auto counts = counts_of(argc, argv, 3, "pool_map WORKERS SINGLE_TASKS CHUNKED_TASKS");
    run(counts[0], counts[1], counts[2]);
  } catch (const std::exception& error) {
    std::cerr << "pool_map: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
