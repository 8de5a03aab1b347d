// A word there and back through a Connection, beside the limit of each case:
//   parked    both sides sleep between their turns, because each may use one core only: beside a futex. Once
//             with a core each, once with one for both;
//   spinning  both sides look for their turn, a core each: beside a cache line that two spin on.
// What is compared takes turns, burst by burst: short ones, so that most of them fall between the time slices
// of whatever else runs. Prints one line of JSON: medians of the bursts.
#include <iostream>
#include <vector>

#include "bench/host/figures.h"
#include "bench/host/place.h"
#include "bench/host/turns.h"
#include "host/channel/connection.h"
#include "host/process/init.h"
#include "host/process/process.h"

namespace {

using forebay::Connection;
using Memory = forebay::SharedRange<std::uint32_t>;

/// Round trips of one burst.
constexpr std::uint32_t burst = 50;

enum class Case : std::uint32_t { core_each, one_core, spinning };

/// A process that may use one core never spins, so this must come before its first wait.
OnCore take_place(Case place, bool partner) {
  if (place == Case::spinning) learn_cores();
  return OnCore(partner && place != Case::one_core ? 1 : 0);
}

void echo(Connection& end) {
  for (std::uint32_t i = 0; i < burst; ++i) end.send(end.recv<std::uint32_t>());
}

double us_of_connection(Connection& end) {
  const Stopwatch watch;
  for (std::uint32_t i = 0; i < burst; ++i) {
    end.send(i);
    if (end.recv<std::uint32_t>() != i) throw std::runtime_error("another word came back");
  }
  return watch.seconds() * 1e6 / burst;
}

void await_turn(Case place, Word& word, std::uint32_t wanted) {
  place == Case::spinning ? spin_for(word, wanted) : await(word, wanted);
}

void give_turn(Case place, Word& word, std::uint32_t value) {
  place == Case::spinning ? word.store(value, std::memory_order_release) : tell(word, value);
}

void answer(Case place, Word& word, std::uint32_t first) {
  for (std::uint32_t i = first; i < first + burst; ++i) {
    await_turn(place, word, 2 * i + 1);
    give_turn(place, word, 2 * i + 2);
  }
}

double us_of_limit(Case place, Word& word, std::uint32_t first) {
  const Stopwatch watch;
  for (std::uint32_t i = first; i < first + burst; ++i) {
    give_turn(place, word, 2 * i + 1);
    await_turn(place, word, 2 * i + 2);
  }
  return watch.seconds() * 1e6 / burst;
}

void be_partner(Case place, Connection end, const Memory& memory, std::uint32_t bursts) {
  const OnCore core = take_place(place, true);
  for (std::uint32_t round = 0; round <= bursts; ++round) {
    echo(end);
    answer(place, word_of(memory), round * burst);
  }
}

/// In a process of its own, whose place is that of this case alone.
void measure(Case place, const forebay::SharedRange<double>& measured, std::uint32_t bursts) {
  auto [mine, its] = forebay::pipe();
  const Memory memory(1);
  forebay::Process partner(be_partner, place, std::move(its), memory, bursts);
  partner.start();
  const OnCore core = take_place(place, false);
  std::vector<double> connection;
  std::vector<double> limit;
  for (std::uint32_t round = 0; round <= bursts; ++round) {
    const double of_connection = us_of_connection(mine);
    const double of_limit = us_of_limit(place, word_of(memory), round * burst);
    if (round == 0) continue;  // it warms up
    connection.push_back(of_connection);
    limit.push_back(of_limit);
  }
  partner.join();
  measured[0] = quantile(connection, 0.5);
  measured[1] = quantile(limit, 0.5);
}

void add(Figures& figures, Case place, std::uint32_t bursts, const char* connection, const char* limit) {
  const forebay::SharedRange<double> measured(2);
  forebay::Process process(measure, place, measured, bursts);
  process.start();
  process.join();
  if (process.exit_code() != 0) throw std::runtime_error("a measuring process failed");
  figures.add(connection, measured[0]);
  figures.add(limit, measured[1]);
}

void run(std::uint32_t bursts) {
  Figures figures;
  add(figures, Case::core_each, bursts, "core_each_us", "core_each_futex_us");
  add(figures, Case::one_core, bursts, "one_core_us", "one_core_futex_us");
  add(figures, Case::spinning, bursts, "spinning_us", "cache_line_us");
  figures.print();
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  try {
    run(counts_of(argc, argv, 1, "pipe_round_trip BURSTS")[0]);
  } catch (const std::exception& error) {
    std::cerr << "pipe_round_trip: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
