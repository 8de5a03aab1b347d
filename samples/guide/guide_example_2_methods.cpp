// The guide's "Pool Methods Compared": one call of each.
#include <cstdio>
#include <ranges>
#include <tuple>
#include <vector>

#include "forebay/host.h"

namespace {

int square(int n) { return n * n; }
int power(int base, int exponent) { return exponent == 0 ? 1 : base * power(base, exponent - 1); }

void say(const char* method, const std::vector<int>& results) {
  std::printf("%s:", method);
  for (const int result : results) std::printf(" %d", result);
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::Pool pool(2);
  const auto numbers = std::views::iota(1, 6);

  say("map", pool.map(square, numbers));
  say("starmap", pool.starmap(power, std::vector<std::tuple<int, int>>{{2, 3}, {3, 2}, {10, 4}}));

  std::vector<int> lazily;
  for (const int result : pool.imap(square, numbers)) lazily.push_back(result);
  say("imap", lazily);

  int sum = 0;
  for (const int result : pool.imap_unordered(square, numbers)) sum += result;  // in whatever order
  std::printf("imap_unordered: sum %d\n", sum);

  std::printf("apply: %d\n", pool.apply(power, 2, 10));
  const auto one = pool.apply_async(power, 2, 11);
  const auto all = pool.map_async(square, numbers);
  std::printf("apply_async: %d\n", one.get());
  say("map_async", all.get());

  pool.close();  // no more tasks; join() waits for those that there are
  pool.join();
}
