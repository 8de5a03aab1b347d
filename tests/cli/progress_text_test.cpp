#include "pipeline/cli/progress_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/limits.h"
#include "pipeline/cli/console.h"
#include "pipeline/cli/notice_printer.h"

namespace forebay::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RunStats stats_at(double seconds, std::uint64_t items, double busy_s = 0) {
  RunStats stats;
  stats.seconds = seconds;
  stats.items_done = items;
  stats.workers.resize(2);
  for (WorkerStats& worker : stats.workers) worker.busy_s = busy_s;
  return stats;
}

TEST(RateMeter, LooksAtTheLastSeconds) {
  RateMeter rates;
  EXPECT_EQ(rates.items_per_s(), 0);
  rates.add(stats_at(0, 0));
  EXPECT_EQ(rates.items_per_s(), 0);
  for (int tenth = 1; tenth <= 100; ++tenth)
    rates.add(stats_at(tenth * 0.1, 10 * static_cast<std::uint64_t>(tenth)));
  EXPECT_NEAR(rates.items_per_s(), 100, 1e-6);
  for (int tenth = 101; tenth <= 200; ++tenth) rates.add(stats_at(tenth * 0.1, 1000));
  EXPECT_EQ(rates.items_per_s(), 0) << "nothing has come for ten seconds";
}

TEST(RateMeter, KnowsHowBusyWorkersAndOwnerAre) {
  RateMeter rates;
  rates.add(stats_at(1, 0, 1));
  RunStats stats = stats_at(2, 0, 1.5);
  stats.owner.busy_s = 0.25;
  rates.add(stats);
  EXPECT_NEAR(rates.workers_busy(), 0.5, 1e-9);
  EXPECT_NEAR(rates.owner_busy(), 0.25, 1e-9);
}

TEST(RateMeter, SlowSamplesStillGiveARate) {
  RateMeter rates;
  for (int i = 0; i < 10; ++i) rates.add(stats_at(5.0 * i, 50 * static_cast<std::uint64_t>(i)));
  EXPECT_NEAR(rates.items_per_s(), 10, 1e-6);
}

TEST(ProgressText, ShowsBarShareRateEtaAndErrors) {
  RateMeter rates;
  rates.add(stats_at(1, 0, 0));
  RunStats stats = stats_at(2, 50, 0.9);
  stats.errors = {{"corrupt", 2}, {"truncated", 1}};
  rates.add(stats);
  const std::string text = progress_text(stats, 200, rates, true);
  EXPECT_EQ(text, "[======>                 ]  25% 50/200 items  50/s  ETA 0:03  3 errors  workers 90% busy");
  stats.owner.present = true;
  EXPECT_THAT(progress_text(stats, 200, rates, true), HasSubstr("  owner 0%"));
  EXPECT_THAT(progress_text(stats, 200, rates, false), Not(HasSubstr("[")));
}

TEST(ProgressText, WithoutATotalThereIsNoShareAndNoEta) {
  const std::string text = progress_text(stats_at(1, 50), std::nullopt, RateMeter(), true);
  EXPECT_EQ(text, "50 items  0/s  0 errors  workers 0% busy");
}

TEST(ProgressText, TheEndIsFull) {
  EXPECT_THAT(progress_text(stats_at(1, 7), 7, RateMeter(), true),
              HasSubstr("[========================] 100% 7/7 items"));
  EXPECT_THAT(progress_text(stats_at(1, 0), 0, RateMeter(), true), HasSubstr("0 items"));
}

TEST(DurationText, ReadsLikeAClock) {
  EXPECT_EQ(duration_text(0), "0:00");
  EXPECT_EQ(duration_text(0.2), "0:01");
  EXPECT_EQ(duration_text(61), "1:01");
  EXPECT_EQ(duration_text(3661), "1:01:01");
  EXPECT_EQ(duration_text(-5), "0:00");
}

TEST(OneLine, HasNoBreaksAndNoControlCharacters) {
  EXPECT_EQ(one_line("a\nb\tc\x1b[31m\n"), "a; b c [31m");
  EXPECT_EQ(one_line(""), "");
}

TEST(NoticePrinter, NamesEachWaitOnceWhicheverIsSeenFirst) {
  Console console;
  NoticePrinter printer(console);
  RunStats stats;
  const Wait caller{"the caller", "the next batch", 10.1};
  Wait source{"the coordinator", "the next entry of the source", 9.9};
  ::testing::internal::CaptureStderr();
  for (int look = 0; look < 3; ++look) {
    stats.waits = {source, caller};
    printer.print(stats);
    source.seconds += 1;
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "forebay: the caller has waited 10 s for the next batch\n"
            "forebay: the coordinator has waited 11 s for the next entry of the source\n");
}

}  // namespace
}  // namespace forebay::cli
