// The guide's Example 1: a single process.
#include <cstdio>

#include "forebay/host.h"

namespace {

void compute_square(int n) { std::printf("Square of %d is %d\n", n, n * n); }

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);  // Python's `if __name__ == "__main__"`: a child never gets past it
  forebay::Process process(compute_square, 7);
  process.start();
  process.join();
  std::printf("Process exit code: %d\n", *process.exit_code());
}
