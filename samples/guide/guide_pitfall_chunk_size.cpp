// The guide's "Chunking for Pool Efficiency": several items in one task cost less, and the results are the
// same.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "forebay/host.h"

namespace {

int process_item(int item) { return item + 1; }

std::vector<int> map_with(forebay::Pool& pool, const std::vector<int>& large_list, std::uint32_t chunk_size) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<int> results = pool.map(process_item, large_list, chunk_size);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  std::printf("chunk size %u: %.1f ms\n", chunk_size, took.count());
  return results;
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  std::vector<int> large_list(20000);
  for (std::size_t i = 0; i < large_list.size(); ++i) large_list[i] = static_cast<int>(i);
  forebay::Pool pool(2);
  const auto one_by_one = map_with(pool, large_list, 1);
  const auto in_chunks = map_with(pool, large_list, 500);
  const auto by_rule =
      map_with(pool, large_list, 0);  // Python's default: a quarter of a worker's share, 2500
  std::printf("Same results: %s\n", one_by_one == in_chunks && in_chunks == by_rule ? "true" : "false");
}
