// Lock and RLock between processes and threads, and what is left of a holder that died.
#include "host/sync/lock.h"

#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <mutex>
#include <thread>

#include "host/error.h"
#include "host/sync/event.h"
#include "host/sync/value.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

void hold_until(Lock lock, Event held, Event let_go) {
  const std::scoped_lock guard(lock);
  held.set();
  let_go.wait(patience);
}

void hold_and_die(Lock lock, Event held) {
  lock.lock();
  held.set();
  ::raise(SIGKILL);
}

void increment(Value<int> value, Lock lock, int times) {
  for (int i = 0; i < times; ++i) {
    const std::scoped_lock guard(lock);
    value.get() += 1;
  }
}

/// Runs two steps that belong together under the lock, for ever.
void step_twice(Lock lock, Array<int> pair) {
  while (true) {
    const std::scoped_lock guard(lock);
    if (lock.owner_died()) pair[1] = pair[0];
    pair[0] += 1;
    pair[1] += 1;
  }
}

template <typename Call>
void expect_usage_error(Call call) {
  try {
    call();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
  }
}

TEST(L1, AcquireTryReleaseAndAReleaseTooMany) {
  Lock lock;
  EXPECT_EQ(lock.lock(), Acquired::clean);
  EXPECT_FALSE(std::async(std::launch::async, [&] { return lock.try_lock(); }).get());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
  expect_usage_error([&] { lock.unlock(); });
}

TEST(L1, LockingItTwiceInOneThreadIsAnErrorAndNoHang) {
  Lock lock;
  lock.lock();
  expect_usage_error([&] { lock.lock(); });
  lock.unlock();
}

TEST(L1, OnlyTheHolderUnlocks) {
  Lock lock;
  Event held;
  Event let_go;
  Children children;
  children.start(hold_until, lock, held, let_go);
  ASSERT_TRUE(held.wait(patience));
  expect_usage_error([&] { lock.unlock(); });
  let_go.set();
  children.expect_good_ends();
}

TEST(L1, ATimeOutIsNeitherEarlyNorLate) {
  Lock lock;
  Event held;
  Event let_go;
  Children children;
  children.start(hold_until, lock, held, let_go);
  ASSERT_TRUE(held.wait(patience));
  const auto begin = Clock::now();
  EXPECT_FALSE(lock.try_lock_for(200ms));
  EXPECT_GE(seconds_since(begin), 0.2);
  EXPECT_LT(seconds_since(begin), 5.0);
  let_go.set();
  EXPECT_TRUE(lock.try_lock_for(patience));
  lock.unlock();
  children.expect_good_ends();
}

TEST(L2, AnRLockIsLockedAgainByItsHolderAndUnlockedAsOften) {
  RLock lock;
  lock.lock();
  lock.lock();
  EXPECT_EQ(lock.depth(), 2U);
  EXPECT_FALSE(std::async(std::launch::async, [&] { return lock.try_lock(); }).get());
  lock.unlock();
  EXPECT_FALSE(std::async(std::launch::async, [&] { return lock.try_lock(); }).get());
  lock.unlock();
  expect_usage_error([&] { lock.unlock(); });
  EXPECT_TRUE(std::async(std::launch::async, [&] {
                const bool taken = lock.try_lock();
                if (taken) lock.unlock();
                return taken;
              }).get());
}

TEST(L3, StandardGuardsWork) {
  Lock lock;
  RLock other;
  {
    const std::scoped_lock guard(lock, other);
    EXPECT_TRUE(lock.locked());
    EXPECT_TRUE(other.locked());
  }
  std::unique_lock guard(lock, std::try_to_lock);
  EXPECT_TRUE(guard.owns_lock());
  guard.unlock();
  EXPECT_TRUE(guard.try_lock_for(1ms));
}

TEST(L4, LockedIsSeenFromAnotherProcess) {
  Lock lock;
  EXPECT_FALSE(lock.locked());
  Event held;
  Event let_go;
  Children children;
  children.start(hold_until, lock, held, let_go);
  ASSERT_TRUE(held.wait(patience));
  EXPECT_TRUE(lock.locked());
  let_go.set();
  children.expect_good_ends();
  EXPECT_FALSE(lock.locked());
}

TEST(L5, DescribeTellsWhoHasIt) {
  Lock lock;
  EXPECT_EQ(lock.describe(), "unlocked");
  lock.lock();
  EXPECT_EQ(lock.describe(), "locked by this thread");
  EXPECT_EQ(std::async(std::launch::async, [&] { return lock.describe(); }).get(),
            "locked by another thread of this process");
  lock.unlock();
  Event held;
  Event let_go;
  Children children;
  Process& process = children.start(hold_until, lock, held, let_go);
  ASSERT_TRUE(held.wait(patience));
  EXPECT_EQ(lock.describe(), "locked by process " + std::to_string(*process.pid()));
  let_go.set();
  children.expect_good_ends();
}

TEST(Lock, FourProcessesIncrementACounter) {
  Value<int> value(0);
  Lock lock;
  Children children;
  for (int i = 0; i < 4; ++i) children.start(increment, value, lock, 1000);
  children.expect_good_ends();
  EXPECT_EQ(value.get(), 4000);
}

TEST(Lock, TheDeathOfItsHolderIsToldToExactlyOneNextHolder) {
  Lock lock;
  Event held;
  Children children;
  children.start(hold_and_die, lock, held);
  ASSERT_TRUE(held.wait(patience));
  const auto begin = Clock::now();
  EXPECT_EQ(lock.lock(), Acquired::owner_died);
  EXPECT_LT(seconds_since(begin), 1.0);
  EXPECT_TRUE(lock.owner_died());
  lock.unlock();
  EXPECT_FALSE(lock.owner_died());
  EXPECT_EQ(lock.lock(), Acquired::clean);
  lock.unlock();
}

TEST(Lock, AWaiterIsWokenByTheDeathOfTheHolder) {
  Lock lock;
  Event held;
  Event never;
  Children children;
  Process& holder = children.start(hold_until, lock, held, never);
  ASSERT_TRUE(held.wait(patience));
  auto waiter = std::async(std::launch::async, [&] {
    const Acquired how = lock.lock();
    lock.unlock();
    return how;
  });
  EXPECT_EQ(waiter.wait_for(50ms), std::future_status::timeout);
  holder.kill();
  ASSERT_EQ(waiter.wait_for(patience), std::future_status::ready);
  EXPECT_EQ(waiter.get(), Acquired::owner_died);
}

TEST(Pitfall18, AHolderKilledInTheMiddleIsReportedOnceAndNobodyIsStuck) {
  Lock lock;
  Array<int> pair(2);
  for (int kills = 0; kills < 100; ++kills) {
    Children children;
    Process& first = children.start(step_twice, lock, pair);
    Process& second = children.start(step_twice, lock, pair);
    first.join(std::chrono::milliseconds(1 + kills % 5));
    first.kill();
    second.kill();
    first.join();
    second.join();
    ASSERT_TRUE(lock.try_lock_for(within)) << "stuck after " << kills;
    if (lock.owner_died()) pair[1] = pair[0];
    EXPECT_EQ(pair[0], pair[1]);
    lock.unlock();
    ASSERT_EQ(lock.lock(), Acquired::clean);
    lock.unlock();
  }
}

}  // namespace
}  // namespace forebay
