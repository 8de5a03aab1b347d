// The guide's "imap: lazy, memory efficiency", taken at its word: an endless generator, of which no more is
// read than the window allows. (CPython reads it as fast as the pipe takes it.)
#include <cstdio>
#include <ranges>

#include "forebay/host.h"

namespace {

long long square(long long n) { return n * n; }

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::Pool pool(2);
  constexpr long long window = 8;
  long long read = 0;
  auto endless = std::views::iota(1LL) | std::views::transform([&read](long long n) {
                   ++read;
                   return n;
                 });
  long long taken = 0;
  long long ahead_max = 0;
  for (const long long result : pool.imap(square, endless, {.window = window})) {
    ++taken;
    if (read - taken > ahead_max) ahead_max = read - taken;
    if (taken == 10000) {
      std::printf("Result %lld is %lld\n", taken, result);
      break;
    }
  }
  std::printf("Never more than %lld items ahead: %s\n", window, ahead_max <= window ? "true" : "false");
}
