// The system's own limit for a task and its result: two processes that wake each other through one word of
// shared memory and sleep meanwhile. Prints one line of JSON.
#include <atomic>
#include <iostream>

#include "bench/host/figures.h"
#include "host/codec/shared_range.h"
#include "host/process/init.h"
#include "host/process/process.h"
#include "host/sync/futex.h"

namespace {

using Word = std::atomic<std::uint32_t>;

/// A partner that is gone must not leave the other waiting for ever.
constexpr std::chrono::seconds turn_max{30};

Word& word_of(const forebay::SharedRange<std::uint32_t>& memory) {
  return *reinterpret_cast<Word*>(memory.data());
}

void await(Word& word, std::uint32_t wanted) {
  const auto deadline = std::chrono::steady_clock::now() + turn_max;
  for (std::uint32_t seen = word; seen != wanted; seen = word) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the other process is gone");
    forebay::futex_wait(word, seen, deadline);
  }
}

void tell(Word& word, std::uint32_t value) {
  word = value;
  forebay::futex_wake(word, 1);
}

void answer(const forebay::SharedRange<std::uint32_t>& memory, std::uint32_t count) {
  Word& word = word_of(memory);
  for (std::uint32_t i = 0; i < count; ++i) {
    await(word, 2 * i + 1);
    tell(word, 2 * i + 2);
  }
}

void run(std::uint32_t count) {
  const forebay::SharedRange<std::uint32_t> memory(1);
  Word& word = word_of(memory);
  forebay::Process partner(answer, memory, count + 1);
  partner.start();
  tell(word, 1);
  await(word, 2);  // the partner is there
  const Stopwatch watch;
  for (std::uint32_t i = 1; i <= count; ++i) {
    tell(word, 2 * i + 1);
    await(word, 2 * i + 2);
  }
  Figures figures;
  figures.add("futex_round_trip_us", watch.seconds() * 1e6 / count);
  partner.join();
  figures.print();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  try {
    run(counts_of(argc, argv, 1, "futex_round_trip COUNT")[0]);
  } catch (const std::exception& error) {
    std::cerr << "futex_round_trip: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
