// The system's own limit for a task and its result: two processes that wake each other through one word of
// shared memory and sleep meanwhile. Prints one line of JSON.
#include <iostream>

#include "bench/host/figures.h"
#include "bench/host/turns.h"
#include "host/codec/shared_range.h"
#include "host/process/init.h"
#include "host/process/process.h"

namespace {

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
