#include "host/sync/barrier.h"

#include <gtest/gtest.h>

#include <future>
#include <set>
#include <thread>

#include "host/sync/value.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

void in_step(Barrier barrier, Array<int> at, int me, int rounds) {
  for (int round = 1; round <= rounds; ++round) {
    at[static_cast<std::size_t>(me)] = round;
    barrier.wait(patience);
    for (const int other : at) {
      if (other != round) std::exit(3);
    }
    barrier.wait(patience);
  }
}

void arrive(Barrier barrier, Array<int> indices, Event there) {
  there.set();
  indices[barrier.wait(patience)] += 1;
}

void expect_broken(Barrier barrier, Event there) {
  there.set();
  try {
    barrier.wait(patience);
  } catch (const BrokenBarrier&) {
    return;
  }
  std::exit(3);
}

bool all_wait(const Barrier& barrier, std::uint32_t count) {
  const auto deadline = Clock::now() + patience;
  while (barrier.n_waiting() != count) {
    if (Clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(B1, ItKeepsProcessesInStep) {
  Barrier barrier(3);
  Array<int> at(3);
  Children children;
  for (int i = 0; i < 3; ++i) children.start(in_step, barrier, at, i, 10);
  children.expect_good_ends();
}

TEST(B2, EachGetsAnotherNumber) {
  Barrier barrier(4);
  Array<int> indices(4);
  Event there;
  Children children;
  for (int i = 0; i < 4; ++i) children.start(arrive, barrier, indices, there);
  children.expect_good_ends();
  for (const int count : indices) EXPECT_EQ(count, 1);
}

TEST(B3, TheActionRunsOnceBeforeAnyGoesOn) {
  Barrier barrier(3);
  std::atomic<int> runs{0};
  std::vector<std::future<int>> threads;
  for (int i = 0; i < 3; ++i) {
    threads.push_back(std::async(std::launch::async, [&] {
      barrier.wait(patience, [&] { ++runs; });
      return runs.load();
    }));
  }
  for (auto& thread : threads) EXPECT_EQ(thread.get(), 1);
}

TEST(B4, AbortBreaksItForAll) {
  Barrier barrier(3);
  Event there;
  Children children;
  for (int i = 0; i < 2; ++i) children.start(expect_broken, barrier, there);
  ASSERT_TRUE(all_wait(barrier, 2));
  barrier.abort();
  children.expect_good_ends();
  EXPECT_TRUE(barrier.broken());
  EXPECT_THROW(barrier.wait(1s), BrokenBarrier);
}

TEST(B5, ResetSendsTheWaitersAwayAndMakesItUsable) {
  Barrier barrier(2);
  Event there;
  Children children;
  children.start(expect_broken, barrier, there);
  ASSERT_TRUE(all_wait(barrier, 1));
  barrier.reset();
  children.expect_good_ends();
  EXPECT_FALSE(barrier.broken());
  auto other = std::async(std::launch::async, [&] { return barrier.wait(patience); });
  const std::uint32_t mine = barrier.wait(patience);
  EXPECT_NE(mine, other.get());
}

TEST(B5, AResetInTheMiddleOfARoundLeavesNobodyBehind) {
  Barrier barrier(2);
  std::atomic<bool> stop{false};
  std::atomic<int> whole{0};
  const auto rounds = [&] {
    while (!stop) {
      try {
        barrier.wait(patience);
        ++whole;
      } catch (const BrokenBarrier&) {
      }
    }
    barrier.abort();  // for the other one, which may wait for this one
  };
  auto one = std::async(std::launch::async, rounds);
  auto other = std::async(std::launch::async, rounds);
  const auto begin = Clock::now();
  for (int resets = 1; whole < 2'000 && seconds_since(begin) < 15.0; ++resets) {
    barrier.reset();
    // On a busy machine no round would ever be whole.
    if (resets % 1000 == 0) std::this_thread::sleep_for(100us);
  }
  stop = true;
  one.get();
  other.get();
  EXPECT_LT(seconds_since(begin), 15.0);
}

TEST(B6, AbortThenReset) {
  Barrier barrier(2);
  barrier.abort();
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
  auto other = std::async(std::launch::async, [&] { return barrier.wait(patience); });
  barrier.wait(patience);
  other.get();
}

TEST(B7, ATimeOutBreaksIt) {
  Barrier barrier(2);
  const auto begin = Clock::now();
  EXPECT_THROW(barrier.wait(100ms), BrokenBarrier);
  EXPECT_GE(seconds_since(begin), 0.1);
  EXPECT_TRUE(barrier.broken());
}

TEST(B8, TheDefaultTimeOutIsTheBarriers) {
  Barrier barrier(2, 50ms);
  EXPECT_THROW(barrier.wait(), BrokenBarrier);
}

TEST(B9, ASinglePartyNeverWaits) {
  Barrier barrier(1);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(barrier.wait(), 0U);
}

TEST(B9, AThousandRounds) {
  Barrier barrier(2);
  Array<int> at(2);
  Children children;
  for (int i = 0; i < 2; ++i) children.start(in_step, barrier, at, i, 500);
  children.expect_good_ends();
}

TEST(B10, AnActionThatThrowsBreaksIt) {
  Barrier barrier(2);
  const auto failing = [] { throw std::runtime_error("the action"); };
  auto other = std::async(std::launch::async, [&] {
    try {
      barrier.wait(patience, failing);
    } catch (const BrokenBarrier&) {
      return 1;
    } catch (const std::runtime_error&) {
      return 2;
    }
    return 0;
  });
  int mine = 0;
  try {
    barrier.wait(patience, failing);
  } catch (const BrokenBarrier&) {
    mine = 1;
  } catch (const std::runtime_error&) {
    mine = 2;
  }
  EXPECT_EQ(mine + other.get(), 3);
  EXPECT_TRUE(barrier.broken());
}

TEST(Pitfall20, TheDeathOfAnArrivedPartyBreaksItWithinASecond) {
  Barrier barrier(3);
  Event there;
  Children children;
  Process& first = children.start(expect_broken, barrier, there);
  ASSERT_TRUE(all_wait(barrier, 1));
  auto other = std::async(std::launch::async, [&] {
    try {
      barrier.wait(patience);
    } catch (const BrokenBarrier&) {
      return true;
    }
    return false;
  });
  ASSERT_TRUE(all_wait(barrier, 2));
  const auto begin = Clock::now();
  first.kill();
  EXPECT_TRUE(other.get());
  EXPECT_LT(seconds_since(begin), 2.0);
}

TEST(Barrier, AKilledPartyThatHadNotArrivedBreaksItToo) {
  Barrier barrier(2);
  Event there;
  Children children;
  Process& party = children.start([](Barrier, Event set) { stay(std::move(set)); }, barrier, there);
  ASSERT_TRUE(there.wait(patience));
  auto other = std::async(std::launch::async, [&] {
    try {
      barrier.wait(patience);
    } catch (const BrokenBarrier&) {
      return true;
    }
    return false;
  });
  ASSERT_TRUE(all_wait(barrier, 1));
  party.kill();
  EXPECT_TRUE(other.get());
}

TEST(Barrier, APartyThatEndsInOrderAfterItsRoundsBreaksNothing) {
  Barrier barrier(2);
  Array<int> at(2);
  {
    Children children;
    for (int i = 0; i < 2; ++i) children.start(in_step, barrier, at, i, 3);
    children.expect_good_ends();
  }
  EXPECT_FALSE(barrier.broken());
}

}  // namespace
}  // namespace forebay
