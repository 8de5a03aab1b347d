// The guide's Example 3: a producer and a consumer with a bounded queue between them; a sentinel ends the
// work.
#include <cstdio>
#include <numeric>
#include <optional>
#include <vector>

#include "forebay/host.h"

namespace {

using Items = forebay::Queue<std::optional<int>>;

void producer(Items queue, const std::vector<int>& items) {
  for (const int item : items) queue.put(item);  // waits where the queue is full
  queue.put(std::nullopt);                       // the sentinel: Python's None
  std::printf("[Producer] Enqueued: %zu items and the sentinel\n", items.size());
}

void consumer(Items queue) {
  while (const std::optional<int> item = queue.get()) std::printf("[Consumer] Processing: %d\n", *item);
  std::printf("[Consumer] Received sentinel, shutting down.\n");
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  Items queue(10);  // at most ten at a time: the producer cannot run ahead for ever
  std::vector<int> data(20);
  std::iota(data.begin(), data.end(), 0);
  forebay::Process p(producer, queue, data);
  forebay::Process c(consumer, queue);
  p.start();
  c.start();
  p.join();
  c.join();
}
