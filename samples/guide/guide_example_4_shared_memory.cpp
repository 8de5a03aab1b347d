// The guide's Example 4: a counter and an array in shared memory, and a lock around what reads and writes.
#include <cstdio>
#include <deque>
#include <mutex>

#include "forebay/host.h"

namespace {

void increment_counter(forebay::Value<int> counter, forebay::Lock lock, int iterations) {
  for (int i = 0; i < iterations; ++i) {
    const std::scoped_lock guard(lock);  // Python's `with lock`
    counter.get() += 1;
  }
}

/// For a number alone an atomic addition does, and no lock.
void increment_atomically(forebay::Value<int> counter, int iterations) {
  for (int i = 0; i < iterations; ++i) counter.fetch_add(1);
}

void square_all(forebay::Array<double> numbers) {
  for (double& number : numbers) number *= number;
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::Value<int> counter(0);
  forebay::Lock lock;
  std::deque<forebay::Process> processes;
  for (int i = 0; i < 4; ++i) processes.emplace_back(increment_counter, counter, lock, 1000).start();
  for (forebay::Process& process : processes) process.join();
  std::printf("Final counter value: %d\n", counter.load());

  processes.clear();
  forebay::Value<int> atomic(0);
  for (int i = 0; i < 4; ++i) processes.emplace_back(increment_atomically, atomic, 1000).start();
  for (forebay::Process& process : processes) process.join();
  std::printf("Final atomic counter value: %d\n", atomic.load());

  forebay::Array<double> numbers{1, 2, 3, 4};
  forebay::Process squares(square_all, numbers);
  squares.start();
  squares.join();
  std::printf("Array: %g %g %g %g\n", numbers[0], numbers[1], numbers[2], numbers[3]);
}
