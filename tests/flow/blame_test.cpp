#include "pipeline/flow/blame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "host/limits.h"

namespace forebay {
namespace {

using namespace std::chrono_literals;
const Blame::TimePoint start = Blame::TimePoint() + 1h;

Death by_signal(int signal) {
  Death death;
  death.status.known = true;
  death.status.signal = signal;
  return death;
}

Death by_exit(int code) {
  Death death;
  death.status.known = true;
  death.status.exit_code = code;
  return death;
}

/// Deaths until the item is guilty.
int deaths_until_guilty(Blame& blame, const Death& death, PlannedItem& item, Blame::TimePoint now) {
  for (int count = 1; count < 1000; ++count) {
    if (blame.charge(item, death, now)) return count;
  }
  return -1;
}

int deaths_until_guilty(Blame& blame, const Death& death) {
  PlannedItem item;
  return deaths_until_guilty(blame, death, item, start);
}

TEST(Blame, WhatAnItemDoesItselfIsChargedAtOnce) {
  for (const std::uint32_t attempts : {1U, 3U, 100U}) {
    Blame blame(attempts);
    EXPECT_EQ(deaths_until_guilty(blame, by_exit(3)), static_cast<int>(attempts));
    EXPECT_EQ(deaths_until_guilty(blame, by_signal(SIGSEGV)), static_cast<int>(attempts));
    Death death = by_signal(SIGKILL);
    death.verdict = Verdict::timed_out;
    EXPECT_EQ(deaths_until_guilty(blame, death), static_cast<int>(attempts));
  }
}

TEST(Blame, ASignalFromOutsideIsTriedOnceMore) {
  for (const int attempts : {1, 2, 3}) {
    Blame blame(static_cast<std::uint32_t>(attempts));
    const int deaths = std::max(attempts, 2);
    EXPECT_EQ(deaths_until_guilty(blame, by_signal(SIGKILL)), deaths);
    Death stopped = by_signal(SIGKILL);
    stopped.verdict = Verdict::stopped;
    EXPECT_EQ(deaths_until_guilty(blame, stopped), deaths);
    EXPECT_EQ(deaths_until_guilty(blame, Death{}), deaths) << "an unknown end may have been one";
  }
}

TEST(Blame, WhileSomebodyKillsWorkersASignalIsWeakEvidence) {
  Blame blame(3);
  PlannedItem innocent;
  EXPECT_FALSE(blame.charge(innocent, by_signal(SIGKILL), start));
  blame.absolve(innocent, start);
  EXPECT_EQ(deaths_until_guilty(blame, by_signal(SIGKILL)), 12);
  EXPECT_EQ(deaths_until_guilty(blame, by_signal(SIGSEGV)), 12);
  EXPECT_EQ(deaths_until_guilty(blame, by_exit(1)), 3) << "nobody makes another process exit";
  PlannedItem later;
  EXPECT_EQ(deaths_until_guilty(blame, by_signal(SIGSEGV), later, start + limits::killer_at_large), 3);
}

TEST(Blame, AWorkerThatIsKilledAtNothingShowsAKillerAndOneThatExitsDoesNot) {
  Blame blame(3);
  blame.nobody(by_exit(1), start);
  EXPECT_EQ(deaths_until_guilty(blame, by_signal(SIGSEGV)), 3);
  Death overdue = by_signal(SIGKILL);
  overdue.verdict = Verdict::start_overdue;
  blame.nobody(overdue, start);
  EXPECT_EQ(deaths_until_guilty(blame, by_signal(SIGSEGV)), 3) << "the coordinator's own kill";
  blame.nobody(by_signal(SIGTERM), start);
  EXPECT_EQ(deaths_until_guilty(blame, by_signal(SIGSEGV)), 12);
}

TEST(Blame, AKilledOwnerShowsAKillerForAWhile) {
  Blame blame(3);
  EXPECT_FALSE(blame.at_large(start));
  blame.saw_killer(start);
  EXPECT_TRUE(blame.at_large(start));
  EXPECT_FALSE(blame.at_large(start + limits::killer_at_large));
}

TEST(Blame, AnItemThatExitedAndThenWorkedIsNoSignOfAKiller) {
  Blame blame(3);
  PlannedItem flaky;
  EXPECT_FALSE(blame.charge(flaky, by_exit(1), start));
  blame.absolve(flaky, start);
  EXPECT_EQ(deaths_until_guilty(blame, by_signal(SIGSEGV)), 3);
}

TEST(Blame, WantOfMemoryInAUsedProcessIsTriedInAFreshOne) {
  Death death = by_exit(1);
  death.out_of_memory = true;
  Blame blame(1);
  EXPECT_EQ(deaths_until_guilty(blame, death), 1);
  death.fresh = false;
  EXPECT_EQ(deaths_until_guilty(blame, death), 2) << "others may have left the memory short";
  Blame three(3);
  EXPECT_EQ(deaths_until_guilty(three, death), 3);
  EXPECT_EQ(error_of(death, {std::chrono::seconds(1), 1 << 20}), ItemErrorCode::memory_limit);
  EXPECT_EQ(error_of(death, {std::chrono::seconds(1), 0}), ItemErrorCode::no_memory) << "no limit was set";
}

}  // namespace
}  // namespace forebay
