#include "host/channel/queue.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "host/sync/value.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

using Numbers = Queue<std::optional<int>>;

void produce(Numbers queue, int first, int count) {
  for (int i = 0; i < count; ++i) queue.put(first + i);
}

/// Until a sentinel; adds up what it got.
void consume(Numbers queue, Value<long> sum, Value<int> count) {
  while (const auto number = queue.get()) {
    sum.fetch_add(*number);
    count.fetch_add(1);
  }
}

void take_and_stay(Queue<int> queue, Event there) {
  const auto view = queue.take();
  stay(std::move(there));
}

void reserve_and_stay(Queue<int> queue, Event there) {
  const auto loan = queue.loan(sizeof(int));
  stay(std::move(there));
}

void block_in_get(Queue<int> queue) { static_cast<void>(queue.get(patience)); }

TEST(Q1, MessagesComeInTheOrderOfTheirPuts) {
  Numbers queue(10);
  Children children;
  children.start(produce, queue, 0, 1000);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(queue.get(patience), i);
  children.expect_good_ends();
}

TEST(Q2, AFullOneSaysSoInTime) {
  Queue<int> queue(2);
  queue.put(1);
  queue.put_nowait(2);
  EXPECT_TRUE(queue.full());
  EXPECT_THROW(queue.put_nowait(3), QueueFull);
  const auto begin = Clock::now();
  EXPECT_THROW(queue.put(3, 100ms), QueueFull);
  EXPECT_GE(seconds_since(begin), 0.1);
  EXPECT_EQ(queue.get(), 1);
  queue.put_nowait(3);
}

TEST(Q3, AnEmptyOneSaysSoInTime) {
  Queue<int> queue;
  EXPECT_THROW(static_cast<void>(queue.get_nowait()), QueueEmpty);
  EXPECT_THROW(static_cast<void>(queue.get(-1s)), QueueEmpty);
  const auto begin = Clock::now();
  EXPECT_THROW(static_cast<void>(queue.get(100ms)), QueueEmpty);
  EXPECT_GE(seconds_since(begin), 0.1);
}

TEST(Q4, WhatWasPutBeforeTheChildStartedIsThere) {
  Numbers queue;
  Value<long> sum(0);
  Value<int> count(0);
  for (int i = 1; i <= 10; ++i) queue.put(i);
  queue.put(std::nullopt);
  Children children;
  children.start(consume, queue, sum, count);
  children.expect_good_ends();
  EXPECT_EQ(sum.load(), 55);
}

TEST(Q5, QsizeFollows) {
  Queue<int> queue(3);
  EXPECT_EQ(queue.qsize(), 0U);
  EXPECT_TRUE(queue.empty());
  queue.put(1);
  queue.put(2);
  EXPECT_EQ(queue.qsize(), 2U);
  static_cast<void>(queue.get());
  EXPECT_EQ(queue.qsize(), 1U);
  static_cast<void>(queue.get());
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.full());
}

TEST(Q7, AGetIsNotEarly) {
  Queue<int> queue;
  const auto begin = Clock::now();
  EXPECT_THROW(static_cast<void>(queue.get(200ms)), QueueEmpty);
  EXPECT_GE(seconds_since(begin), 0.2);
}

TEST(Q8, AMessageThatCannotBeSentHurtsNobody) {
  Queue<std::string> queue(QueueOptions{.max_size = 2, .message_bytes_max = 64});
  EXPECT_THROW(queue.put(std::string(1000, 'x')), Error);
  EXPECT_TRUE(queue.empty());
  queue.put("small");
  queue.put("too");
  EXPECT_EQ(queue.get(), "small");
  EXPECT_EQ(queue.get(), "too");
}

TEST(Q10, AClosedOneTakesNothingButGivesWhatItHas) {
  Queue<int> queue;
  queue.put(1);
  queue.close();
  EXPECT_THROW(queue.put(2), QueueClosed);
  EXPECT_EQ(queue.get(), 1);
  EXPECT_THROW(static_cast<void>(queue.get()), QueueClosed);
}

TEST(Q10, CloseWakesWhoWaits) {
  Queue<int> queue(1);
  Children children;
  Process& waiter = children.start(
      [](Queue<int> shared) {
        try {
          static_cast<void>(shared.get());
        } catch (const QueueClosed&) {
          return 0;
        }
        return 3;
      },
      queue);
  EXPECT_FALSE(waiter.join(50ms));
  queue.close();
  children.expect_good_ends();
}

TEST(Q11, ASimpleQueue) {
  SimpleQueue<std::string> queue;
  EXPECT_TRUE(queue.empty());
  queue.put("a");
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.get(), "a");
  queue.close();
  EXPECT_THROW(queue.put("b"), QueueClosed);
}

TEST(Q13, LargeMessages) {
  Queue<std::vector<int>> queue(QueueOptions{.max_size = 4, .message_bytes_max = 16U << 20U});
  Children children;
  children.start([](Queue<std::vector<int>> shared) { shared.put(std::vector<int>(3 << 20, 5)); }, queue);
  const std::vector<int> got = queue.get(patience);
  EXPECT_EQ(got.size(), 3U << 20U);
  EXPECT_EQ(got.back(), 5);
  children.expect_good_ends();
}

TEST(Q15, ManyProducersAndConsumersEachMessageOnce) {
  Numbers queue(16);
  Value<long> sum(0);
  Value<int> count(0);
  Children consumers;
  for (int i = 0; i < 3; ++i) consumers.start(consume, queue, sum, count);
  {
    Children producers;
    for (int i = 0; i < 3; ++i) producers.start(produce, queue, i * 2000, 2000);
    producers.expect_good_ends();
  }
  for (int i = 0; i < 3; ++i) queue.put(std::nullopt);
  consumers.expect_good_ends();
  EXPECT_EQ(count.load(), 6000);
  EXPECT_EQ(sum.load(), 5999L * 6000 / 2);
}

TEST(Q16, ASentinelForEachConsumerStopsAll) {
  Numbers queue;
  Value<long> sum(0);
  Value<int> count(0);
  Children children;
  for (int i = 0; i < 4; ++i) children.start(consume, queue, sum, count);
  for (int i = 0; i < 4; ++i) queue.put(std::nullopt);
  children.expect_good_ends();
}

TEST(Queue, LoanAndViewAreTheSameMemoryWithoutACopy) {
  ByteQueue queue(QueueOptions{.max_size = 2, .message_bytes_max = 1U << 20U});
  {
    auto loan = queue.loan(1U << 20U);
    loan.bytes()[12345] = std::byte{42};
    loan.commit();
    const auto view = queue.take();
    EXPECT_EQ(view.bytes().data()[12345], std::byte{42});
    EXPECT_EQ(view.bytes().size(), 1U << 20U);
  }
  { const auto dropped = queue.loan(10); }  // not committed: nothing was put
  EXPECT_THROW(static_cast<void>(queue.take(Clock::now())), QueueEmpty);
  queue.put_bytes({});
  EXPECT_TRUE(queue.take().bytes().empty());
}

TEST(Queue, ADroppedLoanWakesAProducerThatWaitsForItsRoom) {
  Queue<int> queue(1);
  auto loan = std::make_optional(queue.loan(sizeof(int)));
  Children children;
  Process& producer = children.start([](Queue<int> shared) { shared.put(1, patience); }, queue);
  EXPECT_FALSE(producer.join(50ms));  // it sleeps by now
  const auto begin = Clock::now();
  loan.reset();
  children.expect_good_ends();
  EXPECT_LT(seconds_since(begin), 10.0);
  EXPECT_EQ(queue.get(1s), 1);
}

TEST(Queue, LocksAndDescriptorsDoNotGoThroughIt) {
  Queue<Lock> queue;
  EXPECT_THROW(queue.put(Lock()), Error);
}

TEST(Pitfall1, AReceiverKilledInGetStopsNoPut) {
  Queue<int> queue(2000);
  for (int i = 0; i < 5; ++i) {
    Children children;
    Process& receiver = children.start(block_in_get, queue);
    receiver.join(20ms);
    receiver.kill();
    ASSERT_TRUE(receiver.join(patience));
  }
  const auto begin = Clock::now();
  for (int i = 0; i < 1000; ++i) queue.put(i, 1s);
  EXPECT_LT(seconds_since(begin), 5.0);
}

TEST(Queue, AMessageOfAKilledConsumerIsDeliveredAgainAndSaysSo) {
  Queue<int> queue(4);
  queue.put(1);
  queue.put(2);
  Event there;
  Children children;
  Process& consumer = children.start(take_and_stay, queue, there);
  ASSERT_TRUE(there.wait(patience));
  EXPECT_EQ(queue.get(), 2);
  consumer.kill();
  const auto again = queue.get_delivered(Clock::now() + within + 1s);
  EXPECT_EQ(again.value, 1);
  EXPECT_EQ(again.deliveries_before, 1U);
}

TEST(Queue, ASlotOfAKilledProducerIsNotLost) {
  Queue<int> queue(2);
  for (int round = 0; round < 5; ++round) {
    Event there;
    Children children;
    Process& producer = children.start(reserve_and_stay, queue, there);
    ASSERT_TRUE(there.wait(patience));
    producer.kill();
    queue.put(1, within + 1s);
    queue.put(2, within + 1s);
    EXPECT_EQ(queue.get(1s), 1);
    EXPECT_EQ(queue.get(1s), 2);
  }
  EXPECT_TRUE(queue.empty());
}

TEST(Queue, WrongSizesAreErrors) {
  EXPECT_THROW(Queue<int>(0U), Error);
  EXPECT_THROW(ByteQueue(QueueOptions{.max_size = 1, .message_bytes_max = 0}), Error);
}

}  // namespace
}  // namespace forebay
