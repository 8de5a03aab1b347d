#include "host/sync/semaphore.h"

#include <gtest/gtest.h>

#include "host/error.h"
#include "host/limits.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

void acquire_and_stay(Semaphore semaphore, Event there) {
  semaphore.acquire();
  stay(std::move(there));
}

void acquire_bounded_and_stay(BoundedSemaphore semaphore, Event there) {
  semaphore.acquire();
  stay(std::move(there));
}

void release_one(Semaphore semaphore) { semaphore.release(); }

TEST(S1, ItsValueFollowsAcquireAndRelease) {
  Semaphore semaphore(2);
  EXPECT_EQ(semaphore.get_value(), 2U);
  semaphore.acquire();
  EXPECT_EQ(semaphore.get_value(), 1U);
  EXPECT_TRUE(semaphore.try_acquire());
  EXPECT_EQ(semaphore.get_value(), 0U);
  EXPECT_FALSE(semaphore.try_acquire());
  semaphore.release();
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 2U);
  semaphore.release();  // unbounded: one more
  EXPECT_EQ(semaphore.get_value(), 3U);
}

TEST(S2, ABoundedOneRefusesAReleaseTooMany) {
  BoundedSemaphore semaphore(2);
  semaphore.acquire();
  semaphore.release();
  EXPECT_THROW(semaphore.release(), Error);
  EXPECT_EQ(semaphore.get_value(), 2U);
}

TEST(S3, TimeOutsOfZeroNegativeAndShort) {
  Semaphore semaphore(0);
  EXPECT_FALSE(semaphore.acquire(0ns));
  EXPECT_FALSE(semaphore.acquire(-1s));
  const auto begin = Clock::now();
  EXPECT_FALSE(semaphore.acquire(100ms));
  EXPECT_GE(seconds_since(begin), 0.1);
  EXPECT_LT(seconds_since(begin), 5.0);
}

TEST(Semaphore, AnotherProcessReleasesWhatThisOneWaitsFor) {
  Semaphore semaphore(0);
  Children children;
  children.start(release_one, semaphore);
  EXPECT_TRUE(semaphore.acquire(patience));
  children.expect_good_ends();
}

TEST(Semaphore, MoreThanItCanHoldIsAnErrorThatNamesTheLimit) {
  EXPECT_THROW(Semaphore(limits::semaphore_permits_max + 1), Error);
}

TEST(Pitfall20, PermitsOfADeadProcessComeBackWithinASecond) {
  Semaphore semaphore(1);
  Event there;
  Children children;
  Process& holder = children.start(acquire_and_stay, semaphore, there);
  ASSERT_TRUE(there.wait(patience));
  EXPECT_FALSE(semaphore.try_acquire());
  holder.kill();
  EXPECT_TRUE(semaphore.acquire(within + 1s));
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 1U);
}

TEST(Pitfall20, ABoundedSemaphoreKeepsItsBoundAfterDeaths) {
  BoundedSemaphore semaphore(3);
  for (int round = 0; round < 10; ++round) {
    Event there;
    Children children;
    Process& holder = children.start(acquire_bounded_and_stay, semaphore, there);
    ASSERT_TRUE(there.wait(patience));
    holder.kill();
    ASSERT_TRUE(holder.join(patience));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(semaphore.acquire(within + 1s));
    for (int i = 0; i < 3; ++i) semaphore.release();
    EXPECT_THROW(semaphore.release(), Error);
  }
}

}  // namespace
}  // namespace forebay
