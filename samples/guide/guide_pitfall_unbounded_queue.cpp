// The guide's "Bounded queue prevents unbounded memory growth". Here every queue is bounded: a producer that
// is faster than its consumer waits, or is told, and a message that is too large is told too.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "forebay/host.h"

namespace {

using namespace std::chrono_literals;

constexpr int messages = 10'000;

void fast_producer(forebay::Queue<int> queue) {
  for (int i = 0; i < messages; ++i) queue.put(i);
  queue.close();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::Queue<int> queue(10);
  forebay::Process producer(fast_producer, queue);
  producer.start();
  std::uint64_t longest = 0;
  int taken = 0;
  try {
    while (true) {
      longest = std::max(longest, queue.qsize());
      static_cast<void>(queue.get());
      ++taken;
    }
  } catch (const forebay::QueueClosed&) {
    std::printf("%d messages, never more than 10 at a time: %s\n", taken, longest <= 10 ? "true" : "false");
  }
  producer.join();

  forebay::Queue<int> full(2);
  full.put(1);
  full.put(2);
  try {
    full.put(3, 10ms);
  } catch (const forebay::QueueFull&) {
    std::printf("put() with a time: QueueFull\n");
  }
  forebay::Queue<std::string> texts({.max_size = 2, .message_bytes_max = 100});
  try {
    texts.put(std::string(1000, 'x'));
  } catch (const forebay::Error& error) {
    std::printf("A message of 1000 bytes where 100 fit: Error (%s)\n",
                std::string(forebay::to_string(error.code())).c_str());
  }
  std::printf("Without a size it holds %u at a time\n", forebay::Queue<int>().max_size());
}
