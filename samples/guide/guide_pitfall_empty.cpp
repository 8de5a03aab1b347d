// The guide's "Never use queue.empty()" to decide that all is done: it looks at one moment of a queue that
// others fill and drain. Both ways of being wrong are shown here, made certain by events.
#include <chrono>
#include <cstdio>

#include "forebay/host.h"

namespace {

using namespace std::chrono_literals;

/// It has one more message to put, later.
void slow_producer(forebay::Queue<int> queue, forebay::Event go) {
  go.wait();
  queue.put(42);
  queue.close();  // no more from anybody: this is the word that empty() is not
}

/// It takes what another process has just seen there.
void fast_consumer(forebay::Queue<int> queue) { static_cast<void>(queue.get()); }

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  forebay::Queue<int> queue;
  forebay::Event go;
  forebay::Process producer(slow_producer, queue, go);
  producer.start();
  std::printf("empty() says %s, and yet a message comes\n", queue.empty() ? "true" : "false");
  go.set();
  try {
    while (true) std::printf("get() gives %d\n", queue.get());
  } catch (const forebay::QueueClosed&) {
    std::printf("get() says that the queue is closed: now it is over\n");
  }
  producer.join();

  forebay::Queue<int> shared;
  shared.put(1);
  const bool there = !shared.empty();
  forebay::Process consumer(fast_consumer, shared);
  consumer.start();
  consumer.join();
  try {
    static_cast<void>(shared.get(10ms));
  } catch (const forebay::QueueEmpty&) {
    std::printf("empty() said %s, and yet there is none\n", there ? "false" : "true");
  }
}
