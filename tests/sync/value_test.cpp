#include "host/sync/value.h"

#include <gtest/gtest.h>

#include <mutex>

#include "host/error.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

struct Point {
  double x = 0;
  double y = 0;
};

void write_them(Value<int> number, Value<double> fraction, Array<int> elements, Array<Point> points) {
  number.get() = 7;
  fraction.store(2.5);
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<int>(i * i);
  points[1] = {3, 4};
}

void increment_locked(Value<int> value, int times) {
  for (int i = 0; i < times; ++i) {
    const std::scoped_lock guard(value.lock());
    value.get() += 1;
  }
}

void increment_atomically(Value<int> value, int times) {
  for (int i = 0; i < times; ++i) value.fetch_add(1);
}

TEST(V1, WhatAChildWritesIsSeen) {
  Value<int> number(1);
  Value<double> fraction(1.0);
  Array<int> elements(5);
  Array<Point> points(2);
  Children children;
  children.start(write_them, number, fraction, elements, points);
  children.expect_good_ends();
  EXPECT_EQ(number.get(), 7);
  EXPECT_EQ(fraction.load(), 2.5);
  EXPECT_EQ(elements.copy(), (std::vector<int>{0, 1, 4, 9, 16}));
  EXPECT_EQ(points[1].y, 4);
}

TEST(V2, WithItsOwnLockAGivenOneOrNone) {
  Value<int> own(1);
  const std::scoped_lock guard(own.lock());
  RLock shared;
  Value<int> first(1, shared);
  Value<int> second(2, shared);
  first.lock().lock();
  EXPECT_TRUE(second.lock().locked());
  first.lock().unlock();
  Value<int> none(3, std::nullopt);
  EXPECT_THROW(static_cast<void>(none.lock()), Error);
}

TEST(V3, FourProcessesIncrementAThousandTimesUnderTheLock) {
  Value<int> value(0);
  Children children;
  for (int i = 0; i < 4; ++i) children.start(increment_locked, value, 1000);
  children.expect_good_ends();
  EXPECT_EQ(value.get(), 4000);
}

TEST(V3, OrAtomicallyWithoutIt) {
  Value<int> value(0, std::nullopt);
  Children children;
  for (int i = 0; i < 4; ++i) children.start(increment_atomically, value, 1000);
  children.expect_good_ends();
  EXPECT_EQ(value.load(), 4000);
  int expected = 4000;
  EXPECT_TRUE(value.compare_exchange(expected, 1));
  EXPECT_EQ(value.exchange(2), 1);
}

TEST(A1, Slices) {
  Array<int> array{1, 2, 3, 4, 5};
  const auto part = array.slice(1, 3);
  EXPECT_EQ(std::vector<int>(part.begin(), part.end()), (std::vector<int>{2, 3, 4}));
  part[0] = 20;
  EXPECT_EQ(array[1], 20);
  EXPECT_THROW(static_cast<void>(array.slice(3, 3)), Error);
  EXPECT_THROW(static_cast<void>(array.at(5)), Error);
  EXPECT_TRUE(array.slice(5, 0).empty());
}

TEST(A2, FromASizeItIsZeroed) {
  for (int round = 0; round < 100; ++round) {
    Array<int> array(1000);
    for (const int element : array) ASSERT_EQ(element, 0);
    for (int& element : array) element = 7;  // what the next one must not see
  }
}

TEST(A3, ElementsOfAStructAndAnIndependentCopy) {
  Array<Point> array(std::vector<Point>{{1, 2}, {3, 4}});
  const std::vector<Point> copy = array.copy();
  array[0].x = 9;
  EXPECT_EQ(copy[0].x, 1);
  EXPECT_EQ(array.size(), 2U);
}

}  // namespace
}  // namespace forebay
