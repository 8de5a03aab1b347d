// Functions that give nothing: of a chunk only the last item tells the pool, so what happened to the others
// is concluded, also where their worker died.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "host/codec/shared_range.h"
#include "host/pool/crew_error.h"
#include "host/pool/pool.h"

namespace {

constexpr int items = 100;
constexpr int chunk = 25;
constexpr int deadly = 60;  // item 10 of the third chunk
constexpr int throwing = 61;

/// How often each item has run, in any worker. The pool's initializer sets it.
forebay::SharedRange<std::uint32_t> runs;

void count_in(const forebay::SharedRange<std::uint32_t>& shared) { runs = shared; }

std::uint32_t note(int item) {
  return std::atomic_ref(runs[static_cast<std::size_t>(item)]).fetch_add(1) + 1;
}

void run(int item) { note(item); }

void die_at_deadly(int item) {
  note(item);
  if (item == deadly) std::raise(SIGKILL);
}

void die_once_at_deadly(int item) {
  if (note(item) == 1 && item == deadly) std::raise(SIGKILL);
}

void throw_at_throwing(int item) {
  note(item);
  if (item == throwing) throw std::out_of_range("this one");
}

class Nothing : public testing::Test {
 protected:
  [[nodiscard]] forebay::PoolOptions options() const {
    return {.processes = 2, .initializer = forebay::make_call(count_in, counts_)};
  }
  [[nodiscard]] std::vector<std::uint32_t> counts() const { return {counts_.begin(), counts_.end()}; }

  std::vector<int> all_ = [] {
    std::vector<int> numbers(items);
    std::iota(numbers.begin(), numbers.end(), 0);
    return numbers;
  }();
  forebay::SharedRange<std::uint32_t> counts_{items};
  std::vector<std::uint32_t> once_ = std::vector<std::uint32_t>(items, 1);
};

TEST_F(Nothing, EveryItemRunsOnce) {
  forebay::Pool pool(options());
  pool.map(run, all_, chunk);
  EXPECT_EQ(counts(), once_);
}

TEST_F(Nothing, EveryItemOfAnImapIsTold) {
  forebay::Pool pool(options());
  int told = 0;
  auto results = pool.imap(run, all_, {.chunk_size = chunk});
  for (auto at = results.begin(); at != results.end(); ++at) ++told;
  EXPECT_EQ(told, items);
  EXPECT_EQ(counts(), once_);
}

TEST_F(Nothing, ADeathCostsTheItemThatRanAndNoneIsRunAgain) {
  forebay::Pool pool(options());
  try {
    pool.map(die_at_deadly, all_, chunk);
    FAIL() << "a worker died, and nobody was told";
  } catch (const forebay::WorkerDied& died) {
    EXPECT_EQ(died.item(), static_cast<std::uint64_t>(deadly));
    EXPECT_EQ(died.signal(), SIGKILL);
    EXPECT_EQ(died.attempts(), 1U);
  }
  EXPECT_EQ(counts(), once_);
}

TEST_F(Nothing, ARetryRunsTheDeadlyItemAgainAndNoOther) {
  forebay::PoolOptions retrying = options();
  retrying.on_death = forebay::OnDeath::retry;
  forebay::Pool pool(std::move(retrying));
  pool.map(die_once_at_deadly, all_, chunk);
  std::vector<std::uint32_t> expected = once_;
  expected[deadly] = 2;
  EXPECT_EQ(counts(), expected);
}

TEST_F(Nothing, AnExceptionIsItsOwnItemsOnly) {
  forebay::Pool pool(options());
  EXPECT_THROW(pool.map(throw_at_throwing, all_, chunk), std::out_of_range);
  EXPECT_EQ(counts(), once_);
}

}  // namespace
