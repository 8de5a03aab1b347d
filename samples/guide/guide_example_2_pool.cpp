// The guide's Example 2: a pool of workers, each of which sums the squares of a chunk of the data.
#include <unistd.h>

#include <cstdio>
#include <span>
#include <utility>
#include <vector>

#include "forebay/host.h"

namespace {

/// A span looks at what the worker received: the numbers are not copied once more.
std::pair<long long, pid_t> process_chunk(std::span<const long long> chunk) {
  long long result = 0;
  for (const long long x : chunk) result += x * x;
  return {result, ::getpid()};
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  std::vector<std::vector<long long>> dataset;
  for (long long begin = 0; begin < 10000; begin += 1000) {
    std::vector<long long>& chunk = dataset.emplace_back();
    for (long long x = begin; x < begin + 1000; ++x) chunk.push_back(x);
  }

  forebay::Pool pool(4);  // its destructor terminates the workers, as the end of Python's with block does
  for (const auto& [result, pid] : pool.map(process_chunk, dataset)) {
    std::printf("Worker PID %d computed sum: %lld\n", pid, result);
  }
}
