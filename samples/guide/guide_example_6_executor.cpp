// The guide's Example 6: ProcessPoolExecutor, Futures and as_completed().
#include <cstdio>
#include <exception>
#include <ranges>
#include <stdexcept>
#include <unordered_map>

#include "forebay/host.h"

namespace {

long long heavy_computation(long long n) {
  if (n < 0) throw std::invalid_argument("there are no numbers below 0");
  long long sum = 0;
  for (long long i = 0; i < n; ++i) sum += i * i;
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::ProcessPoolExecutor executor(4);  // its destructor waits for all tasks, as the with block does
  std::unordered_map<forebay::Future<long long>, long long> futures;
  for (const long long n : {1000000, 2000000, 3000000, -1}) {
    futures.emplace(executor.submit(heavy_computation, n), n);
  }
  for (const auto& future : forebay::as_completed(std::views::keys(futures))) {
    const long long n = futures.at(future);
    try {
      std::printf("Input %lld: result = %lld\n", n, future.result());
    } catch (const std::exception& error) {
      std::printf("Input %lld raised an exception: %s\n", n, error.what());
    }
  }
}
