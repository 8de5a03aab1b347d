// The guide's "Memory Consumption": what a worker takes, a worker that grows, and a limit that holds.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <new>
#include <set>
#include <vector>

#include "forebay/host.h"

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

pid_t leak() {
  static std::vector<std::vector<char>> forgotten;
  forgotten.emplace_back(16 * mebibyte, 'x');
  return ::getpid();
}

std::size_t take(std::size_t bytes) { return std::vector<char>(bytes, 'x').size(); }

/// Pages that processes share count for each of them in full in RSS; in PSS their shares add up.
void what_workers_take() {
  forebay::Pool pool(2);
  pool.map(take, std::vector<std::size_t>{mebibyte, mebibyte}, 1);
  for (const pid_t pid : pool.worker_pids()) {
    std::printf("A worker takes %llu KiB of its own\n",
                static_cast<unsigned long long>(forebay::pss_bytes(pid).value_or(0) / 1024));
  }
}

/// The worker is replaced between two tasks; no task is lost.
void worker_that_grows() {
  forebay::Pool pool({.processes = 1, .memory_growth_bytes_max = 64 * mebibyte});
  std::set<pid_t> workers;
  int done = 0;
  for (; workers.size() < 2 && done < 10000; ++done) workers.insert(pool.apply(leak));
  std::printf("A worker that leaks was replaced: %s\n", workers.size() == 2 ? "true" : "false");
}

void limit_that_holds() {
  forebay::Pool pool({.processes = 1, .child = {.memory_bytes = 1024 * mebibyte}});
  try {
    pool.apply(take, 4096 * mebibyte);
  } catch (const std::bad_alloc&) {
    std::printf("4 GiB with a limit of 1 GiB: std::bad_alloc, in the parent too\n");
  }
  std::printf("The worker goes on: %zu\n", pool.apply(take, mebibyte));
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  what_workers_take();
  worker_that_grows();
  limit_that_holds();
}
