// What a Lock costs: two processes that increment a counter under it, and lock and unlock where nobody else
// wants it; beside that, an Event that is set without a waiter. Their limit is what any lock must do: a
// compare and swap and an exchange. The last three take turns, burst by burst. Prints one line of JSON.
#include <atomic>
#include <iostream>
#include <mutex>

#include "bench/host/figures.h"
#include "bench/host/place.h"
#include "bench/host/turns.h"
#include "host/process/init.h"
#include "host/process/process.h"
#include "host/sync/event.h"
#include "host/sync/lock.h"
#include "host/sync/value.h"

namespace {

using Counter = forebay::Value<std::uint64_t>;
using Memory = forebay::SharedRange<std::uint32_t>;

void increment(Counter& counter, forebay::Lock& lock, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::scoped_lock guard(lock);
    counter.get() += 1;
  }
}

/// Round by round: 2 r + 1, go; 2 r + 2, done.
void increment_too(Counter counter, forebay::Lock lock, const Memory& memory, std::uint32_t count) {
  learn_cores();
  const OnCore core(1);
  for (std::uint32_t round = 0; round <= rounds; ++round) {
    await(word_of(memory), 2 * round + 1);
    increment(counter, lock, count);
    tell(word_of(memory), 2 * round + 2);
  }
}

double ns_of_increment(std::uint32_t count) {
  Counter counter(0, forebay::RLock(std::nullopt));
  forebay::Lock lock;
  const Memory memory(1);
  forebay::Process other(increment_too, counter, lock, memory, count);
  other.start();
  const OnCore core(0);
  std::vector<double> samples;
  for (std::uint32_t round = 0; round <= rounds; ++round) {
    const Stopwatch watch;
    tell(word_of(memory), 2 * round + 1);
    increment(counter, lock, count);
    await(word_of(memory), 2 * round + 2);
    if (round != 0) samples.push_back(watch.seconds() * 1e9 / (2.0 * count));  // the first warms up
  }
  other.join();
  if (counter.get() != std::uint64_t{2} * count * (rounds + 1)) throw std::runtime_error("a count was lost");
  return quantile(samples, 0.5);
}

/// So short that most bursts fall between the time slices of whatever else runs.
constexpr std::uint32_t burst = 10'000;

template <typename Step>
double ns_of(const Step& step) {
  const Stopwatch watch;
  for (std::uint32_t i = 0; i < burst; ++i) step();
  return watch.seconds() * 1e9 / burst;
}

void add_uncontended(Figures& figures, std::uint32_t bursts) {
  forebay::Lock lock;
  forebay::Event event;
  const Memory memory(1);
  Word& word = word_of(memory);
  std::vector<double> of_lock;
  std::vector<double> of_event;
  std::vector<double> of_limit;
  for (std::uint32_t round = 0; round < bursts; ++round) {
    of_lock.push_back(ns_of([&] {
      lock.lock();
      lock.unlock();
    }));
    of_event.push_back(ns_of([&] { event.set(); }));
    of_limit.push_back(ns_of([&] {
      std::uint32_t expected = 0;
      word.compare_exchange_strong(expected, 1, std::memory_order_acquire);
      word.exchange(0, std::memory_order_release);
    }));
  }
  figures.add("lock_unlock_ns", quantile(of_lock, 0.5));
  figures.add("event_set_ns", quantile(of_event, 0.5));
  figures.add("cas_exchange_ns", quantile(of_limit, 0.5));
}

void run(std::uint32_t increments, std::uint32_t bursts) {
  learn_cores();
  Figures figures;
  figures.add("increment_ns", ns_of_increment(increments));
  add_uncontended(figures, bursts);
  figures.print();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  try {
    const auto counts = counts_of(argc, argv, 2, "lock_cost INCREMENTS BURSTS");
    run(counts[0], counts[1]);
  } catch (const std::exception& error) {
    std::cerr << "lock_cost: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
