// A project of its own that uses an installed forebay::host: a process, a pool and an executor.
#include <forebay/host.h>

#include <cstdio>
#include <stdexcept>
#include <vector>

namespace {

int give_seven() { return 7; }
int square(int n) {
  if (n < 0) throw std::out_of_range("below 0");
  return n * n;
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::Process process({.name = "seven", .daemon = true}, give_seven);
  process.start();
  process.join();
  std::printf("%s: %d\n", process.name().c_str(), *process.exit_code());

  forebay::Pool pool({.processes = 2, .child = {.environment = {{"CONSUMER", "1"}}}});
  int sum = 0;
  for (const int result : pool.map(square, std::vector<int>{1, 2, 3})) sum += result;
  const auto seen = pool.apply_async(
      forebay::Callbacks<int>{.on_error = [](std::exception_ptr) { std::printf("called back\n"); }}, square,
      -1);
  seen.wait();
  pool.close();
  pool.join();

  forebay::ProcessPoolExecutor executor({.max_workers = 2});
  std::vector<forebay::Future<int>> futures{executor.submit(square, 4), executor.submit(square, -1)};
  for (const auto& future : forebay::as_completed(futures)) {
    try {
      sum += future.result();
    } catch (const std::out_of_range&) {
      sum += 1000;
    }
  }
  for (const int result : executor.map({.chunk_size = 2}, square, std::vector<int>{5, 6})) sum += result;
  std::printf("sum %d\n", sum);
}
