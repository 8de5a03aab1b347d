#include "pipeline/flow/worker_watch.h"

#include <gtest/gtest.h>

#include "host/limits.h"
#include "pipeline/flow/patient_clock.h"

namespace forebay {
namespace {

using namespace std::chrono_literals;
const WorkerWatch::TimePoint start = WorkerWatch::TimePoint() + 1h;

WorkerWatch working(std::chrono::milliseconds timeout) {
  WorkerWatch watch(timeout);
  watch.started(start);
  watch.ready();
  watch.busy(start);
  watch.observe({1, ItemStep::begin, 0, false}, start);
  return watch;
}

TEST(WorkerWatch, AnItemIsReportedOnceAndThenEnded) {
  WorkerWatch watch = working(2s);
  EXPECT_FALSE(watch.look(start + 900ms, true, false).report);
  const auto finding = watch.look(start + 1100ms, true, false);
  EXPECT_TRUE(finding.report) << "at half of the limit";
  EXPECT_EQ(finding.since, 1100ms);
  EXPECT_FALSE(finding.end);
  EXPECT_FALSE(watch.look(start + 1200ms, true, false).report);
  EXPECT_EQ(watch.look(start + 2s, true, false).end, Verdict::timed_out);
}

TEST(WorkerWatch, EachItemHasItsOwnTimeAndStepsOfOneItemDoNotRenewIt) {
  WorkerWatch watch = working(2s);
  watch.observe({1, ItemStep::begin, 1, false}, start + 1900ms);
  EXPECT_FALSE(watch.look(start + 3800ms, true, false).end);
  watch.observe({1, ItemStep::decode, 1, false}, start + 3800ms);
  EXPECT_EQ(watch.look(start + 3900ms, true, false).end, Verdict::timed_out);
}

TEST(WorkerWatch, AWorkerCannotGainTimeByGoingBack) {
  WorkerWatch watch = working(2s);
  watch.observe({1, ItemStep::begin, 5, false}, start);
  watch.observe({1, ItemStep::begin, 4, false}, start + 1s);
  EXPECT_EQ(watch.look(start + 2s, true, false).end, Verdict::timed_out);
}

TEST(WorkerWatch, AnIdleWorkerHasAllTheTime) {
  WorkerWatch watch = working(2s);
  EXPECT_FALSE(watch.look(start + 1h, false, false).end);
  watch.busy(start + 2h);
  EXPECT_FALSE(watch.look(start + 2h + 1s, true, false).end) << "its time begins with its work";
}

TEST(WorkerWatch, StartingHasALimitOfItsOwn) {
  WorkerWatch watch(10ms);
  watch.started(start);
  EXPECT_FALSE(watch.look(start + limits::child_start - 1s, true, false).end);
  EXPECT_EQ(watch.look(start + limits::child_start, true, false).end, Verdict::start_overdue);
}

TEST(WorkerWatch, AStoppedProcessIsEndedAfterPatienceIdleOrNot) {
  for (const bool busy : {false, true}) {
    WorkerWatch watch = working(1h);
    EXPECT_FALSE(watch.look(start, busy, true).end);
    EXPECT_FALSE(watch.look(start + limits::stopped_patience - 1ms, busy, true).end);
    EXPECT_EQ(watch.look(start + limits::stopped_patience, busy, true).end, Verdict::stopped);
    EXPECT_FALSE(watch.look(start + limits::stopped_patience, busy, false).end) << "it was continued";
    EXPECT_FALSE(watch.look(start + 2 * limits::stopped_patience, busy, true).end) << "a new stop";
  }
}

TEST(PatientClock, WhatThisThreadMissedIsNoTime) {
  PatientClock clock;
  const auto now = PatientClock::Steady::now();
  const auto before = clock.now();
  clock.lap(1000ms, now);
  clock.lap(1000ms, now + 1000ms + limits::lateness_min);
  EXPECT_LT(clock.now() - before, 60s) << "as late as a loaded machine is: time as any other";
  clock.lap(0ms, now + 1h);
  const auto after = clock.now();
  EXPECT_LT(after, before - 58min) << "stopped for an hour, less the seconds that were meant";
  clock.lap(0ms, now + 1h);
  EXPECT_GE(clock.now(), after) << "nothing is lost twice";
}

}  // namespace
}  // namespace forebay
