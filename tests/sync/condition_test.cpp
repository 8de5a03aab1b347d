#include "host/sync/condition.h"

#include <gtest/gtest.h>

#include <future>
#include <mutex>

#include "host/error.h"
#include "host/sync/value.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

/// Waits once and counts that it was woken.
void sleep_once(Condition condition, Value<int> sleeping, Value<int> woken) {
  std::unique_lock guard(condition.lock());
  sleeping.fetch_add(1);
  if (condition.wait(patience)) woken.fetch_add(1);
}

void wait_for_seven(Condition condition, Value<int> value) {
  const std::scoped_lock guard(condition.lock());
  if (!condition.wait_for([&] { return value.get() == 7; }, patience)) std::exit(3);
  value.get() = 8;
  condition.notify_all();
}

/// Bounded: until `value` is as wanted, looked at under the lock that the sleepers let go of in wait().
template <typename Ready>
bool soon(Condition& condition, Ready ready) {
  const auto deadline = Clock::now() + patience;
  while (Clock::now() < deadline) {
    const std::scoped_lock guard(condition.lock());
    if (ready()) return true;
  }
  return false;
}

struct Sleepers {
  explicit Sleepers(int count) {
    for (int i = 0; i < count; ++i) children.start(sleep_once, condition, sleeping, woken);
    all_there = soon(condition, [&] { return sleeping.load() == count; });
  }
  void notify(std::uint32_t count) {
    const std::scoped_lock guard(condition.lock());
    condition.notify(count);
  }
  Condition condition;
  Value<int> sleeping{0};
  Value<int> woken{0};
  Children children;
  bool all_there = false;
};

TEST(C1, NotifyWakesExactlyOneOfTwo) {
  Sleepers two(2);
  ASSERT_TRUE(two.all_there);
  two.notify(1);
  ASSERT_TRUE(soon(two.condition, [&] { return two.woken.load() == 1; }));
  Event never;
  EXPECT_FALSE(never.wait(100ms));
  EXPECT_EQ(two.woken.load(), 1);
  two.notify(1);
  two.children.expect_good_ends();
  EXPECT_EQ(two.woken.load(), 2);
}

TEST(C2, NotifyAllWakesAll) {
  Sleepers four(4);
  ASSERT_TRUE(four.all_there);
  {
    const std::scoped_lock guard(four.condition.lock());
    four.condition.notify_all();
  }
  four.children.expect_good_ends();
  EXPECT_EQ(four.woken.load(), 4);
}

TEST(C3, NotifyOfMoreThanThereAreIsHarmless) {
  Sleepers three(3);
  ASSERT_TRUE(three.all_there);
  three.notify(2);
  ASSERT_TRUE(soon(three.condition, [&] { return three.woken.load() == 2; }));
  three.notify(5);
  three.children.expect_good_ends();
  EXPECT_EQ(three.woken.load(), 3);
  three.notify(5);
}

TEST(C4, AWaitThatTimesOutSaysSo) {
  Condition condition;
  const std::scoped_lock guard(condition.lock());
  const auto begin = Clock::now();
  EXPECT_FALSE(condition.wait(100ms));
  EXPECT_GE(seconds_since(begin), 0.1);
  EXPECT_TRUE(condition.lock().held_by_this_thread());
}

TEST(C5, WaitForAPredicate) {
  Condition condition;
  Value<int> value(0);
  Children children;
  children.start(wait_for_seven, condition, value);
  {
    const std::scoped_lock guard(condition.lock());
    value.get() = 7;
    condition.notify();
    EXPECT_TRUE(condition.wait_for([&] { return value.get() == 8; }, patience));
    EXPECT_FALSE(condition.wait_for([&] { return value.get() == 9; }, 50ms));
  }
  children.expect_good_ends();
}

TEST(C6, AWaitThatIsNotifiedSaysSo) {
  Sleepers one(1);
  ASSERT_TRUE(one.all_there);
  one.notify(1);
  one.children.expect_good_ends();
  EXPECT_EQ(one.woken.load(), 1);
}

TEST(C7, WithoutTheLockNothingWorks) {
  Condition condition;
  EXPECT_THROW(condition.wait(1ms), Error);
  EXPECT_THROW(condition.notify(), Error);
}

TEST(Condition, ANotificationThatADeadWaiterHadGotGoesToAnother) {
  Sleepers two(2);
  ASSERT_TRUE(two.all_there);
  // Both sleep; one is killed before or after it is notified: whichever, the other wakes at last.
  Condition& condition = two.condition;
  {
    const std::scoped_lock guard(condition.lock());
    condition.notify();
    two.children.front().kill();  // cannot act on it: the lock is held here
  }
  EXPECT_TRUE(soon(condition, [&] { return two.woken.load() == 1; }));
}

TEST(Condition, NotifyNeverWaitsForAKilledWaiter) {
  Condition condition;
  Value<int> sleeping(0);
  Value<int> woken(0);
  for (int i = 0; i < 20; ++i) {
    Children children;
    Process& waiter = children.start(sleep_once, condition, sleeping, woken);
    ASSERT_TRUE(soon(condition, [&] { return sleeping.load() == i + 1; }));
    waiter.kill();
    const std::scoped_lock guard(condition.lock());
    condition.notify();
  }
}

}  // namespace
}  // namespace forebay
