#include "host/sync/event.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>

#include "host/sync/interrupt.h"
#include "tests/sync/children.h"

namespace forebay {
namespace {

using namespace sharing;
using namespace std::chrono_literals;

void set_it(Event event) { event.set(); }
void wait_for_it(Event event, Event done) {
  event.wait(patience);
  done.set();
}
void wait_long(Event event) { event.wait(patience); }

TEST(E1, SetClearAndWaitTimings) {
  Event event;
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.wait(0ns));
  const auto begin = Clock::now();
  EXPECT_FALSE(event.wait(100ms));
  EXPECT_GE(seconds_since(begin), 0.1);
  event.set();
  EXPECT_TRUE(event.is_set());
  EXPECT_TRUE(event.wait(0ns));
  event.clear();
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.wait(0ns));
}

TEST(E1, AnotherProcessSetsIt) {
  Event event;
  Children children;
  children.start(set_it, event);
  EXPECT_TRUE(event.wait(patience));
  children.expect_good_ends();
}

TEST(E2, WhatIsSetBeforeTheWaitDoesNotBlock) {
  Event event;
  event.set();
  event.wait();
  Event done;
  Children children;
  children.start(wait_for_it, event, done);
  EXPECT_TRUE(done.wait(patience));
  children.expect_good_ends();
}

TEST(Event, AllWaitersAreWoken) {
  Event event;
  Event done[3];
  Children children;
  for (Event& each : done) children.start(wait_for_it, event, each);
  event.set();
  for (Event& each : done) EXPECT_TRUE(each.wait(patience));
  children.expect_good_ends();
}

TEST(Event, AWaiterThatIsKilledStopsNobody) {
  Event event;
  for (int i = 0; i < 20; ++i) {
    Children children;
    Process& waiter = children.start(wait_long, event);
    waiter.join(2ms);
    waiter.kill();
  }
  Event done;
  Children children;
  children.start(wait_for_it, event, done);
  for (int i = 0; i < 1000; ++i) {
    event.set();
    event.clear();
  }
  event.set();
  EXPECT_TRUE(done.wait(patience));
  children.expect_good_ends();
}

TEST(Event, CtrlCEndsAWait) {
  Event event;
  const InterruptScope scope;
  ::kill(::getpid(), SIGINT);
  EXPECT_THROW(event.wait(patience), Interrupted);
}

}  // namespace
}  // namespace forebay
