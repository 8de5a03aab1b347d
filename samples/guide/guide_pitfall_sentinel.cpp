// The guide's sentinel, with more than one consumer: each needs one of its own, because the one that takes it
// is the one that stops. close() does without: it tells all of them, also those that nobody has counted.
#include <cstdio>
#include <deque>
#include <optional>

#include "forebay/host.h"

namespace {

constexpr int consumers = 3;
using Items = forebay::Queue<std::optional<int>>;

void until_sentinel(Items queue, forebay::Value<int> sum) {
  while (const std::optional<int> item = queue.get()) sum.fetch_add(*item);
}

void until_closed(forebay::Queue<int> queue, forebay::Value<int> sum) {
  try {
    while (true) sum.fetch_add(queue.get());
  } catch (const forebay::QueueClosed&) {
    return;  // closed, and everything that was in it was taken
  }
}

template <typename F, typename Q>
int run(F function, Q queue, void (*end)(Q&)) {
  forebay::Value<int> sum(0);
  std::deque<forebay::Process> processes;
  for (int i = 0; i < consumers; ++i) processes.emplace_back(function, queue, sum).start();
  for (int i = 1; i <= 100; ++i) queue.put(i);
  end(queue);
  for (forebay::Process& process : processes) process.join();
  return sum.load();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  const int by_sentinels = run(
      until_sentinel, Items(10), +[](Items& queue) {
        for (int i = 0; i < consumers; ++i) queue.put(std::nullopt);
      });
  std::printf("A sentinel for each of 3 consumers: all stopped, sum %d\n", by_sentinels);
  const int by_close = run(
      until_closed, forebay::Queue<int>(10), +[](forebay::Queue<int>& queue) { queue.close(); });
  std::printf("close() for all of them: all stopped, sum %d\n", by_close);
}
