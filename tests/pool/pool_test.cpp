#include "host/pool/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <ranges>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "host/process/cpu_count.h"
#include "host/process/remote_error.h"
#include "tests/pool/pool_probe.h"

namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::vector<int> squares(int count) {
  std::vector<int> all = numbers(count);
  for (int& x : all) x *= x;
  return all;
}

TEST(O1, ApplyMapAndStarmapGiveWhatALoopGives) {
  Pool pool(2);
  EXPECT_EQ(pool.apply(square, 5), 25);
  EXPECT_EQ(pool.apply(sum, 5, 6), 11);
  EXPECT_EQ(pool.apply_async(square, 7).get(), 49);
  EXPECT_EQ(pool.map(square, numbers(100)), squares(100));
  EXPECT_EQ(pool.map(square, std::views::iota(0, 100), 20), squares(100));
  EXPECT_EQ(pool.map_async(square, numbers(100)).get(), squares(100));
  const std::list<int> linked{3, 4};
  EXPECT_THAT(pool.map(square, linked), ElementsAre(9, 16));
  const int array[] = {5};
  EXPECT_THAT(pool.map(square, array), ElementsAre(25)) << "one item";
  std::istringstream stream("1 2 3");
  EXPECT_THAT(pool.map(square, std::ranges::istream_view<int>(stream)), ElementsAre(1, 4, 9))
      << "a range without a length";
}

TEST(O1, StarmapSpreadsPairsTuplesAndArrays) {
  Pool pool(2);
  const std::vector<std::pair<int, int>> pairs{{1, 2}, {3, 4}};
  EXPECT_THAT(pool.starmap(sum, pairs), ElementsAre(3, 7));
  EXPECT_THAT(pool.starmap(sum, std::vector{std::array{5, 6}}), ElementsAre(11));
  const auto join = [](const std::string& a, int b, char c) { return a + std::to_string(b) + c; };
  EXPECT_THAT(pool.starmap(join, std::vector{std::tuple("x", 1, 'y'), std::tuple("z", 2, 'w')}, 1),
              ElementsAre("x1y", "z2w"));
  const auto generic = [](const auto& a, const auto& b) { return a + b; };
  EXPECT_THAT(pool.starmap(generic, std::vector{std::pair(std::string("a"), std::string("b"))}),
              ElementsAre("ab"));
  EXPECT_THAT(pool.starmap(generic, std::map<int, int>{{1, 2}, {10, 20}}), ElementsAre(3, 30));
  EXPECT_THAT(pool.starmap_async(sum, pairs, 1).get(), ElementsAre(3, 7));
}

TEST(O1, EmptyRangesGiveEmptyResults) {
  Pool pool(1);
  const std::vector<int> none;
  EXPECT_THAT(pool.map(square, none), IsEmpty());
  EXPECT_THAT(pool.map(square, none, 5), IsEmpty());
  EXPECT_THAT(pool.starmap(sum, std::vector<std::pair<int, int>>{}), IsEmpty());
  EXPECT_EQ(pool.imap(square, none).next(), std::nullopt);
  EXPECT_EQ(pool.imap_unordered(square, none).next(), std::nullopt);
  const auto result = pool.map_async(square, none);
  EXPECT_TRUE(result.ready());
  EXPECT_TRUE(result.successful());
  int called = 0;
  pool.map_async(square, none, 0, {.on_result = [&](const auto&) { ++called; }, .on_error = {}}).wait();
  EXPECT_EQ(called, 1);
}

TEST(O1, VoidAndMoveOnlyResultsAndCallablesWithState) {
  Pool pool(2);
  const Counters counters(1);
  pool.map([](const Counters& all) { all.add(); }, std::vector(7, counters), 2);
  EXPECT_EQ(counters.get(), 7);
  static_assert(std::is_void_v<decltype(pool.map(nap, numbers(1)))>);
  pool.apply(nap, 0);

  const auto boxed = [](int x) { return std::make_unique<int>(x + 1); };
  const auto boxes = pool.map(boxed, numbers(3), 2);
  ASSERT_EQ(boxes.size(), 3U);
  EXPECT_EQ(*boxes[2], 3);
  EXPECT_EQ(*pool.apply(boxed, 8), 9);
  EXPECT_EQ(*pool.apply_async(boxed, 9).get(patience), 10);
  auto walk = pool.imap(boxed, numbers(2));
  EXPECT_EQ(**walk.next(), 1);

  struct Scaled {
    double factor;
    std::string unit;
    std::string operator()(int x) const { return std::to_string(static_cast<int>(factor * x)) + unit; }
  };
  EXPECT_THAT(pool.map(Scaled{2.5, " mm"}, numbers(3), 1), ElementsAre("0 mm", "2 mm", "5 mm"));
  EXPECT_EQ(pool.apply(Scaled{10, " s"}, 4), "40 s");
}

TEST(O2, CallbacksGetTheResultAndErrorCallbacksTheException) {
  Pool pool(2);
  std::vector<int> seen;  // each callback has run before the wait for its call ends
  const auto append = [&](const std::vector<int>& more) {
    seen.insert(seen.end(), more.begin(), more.end());
  };
  pool.map_async(square, numbers(3), 0, {.on_result = append, .on_error = {}}).wait();
  pool.starmap_async(sum, std::vector{std::pair(20, 2)}, 0, {.on_result = append, .on_error = {}}).wait();
  pool.apply_async(Callbacks<int>{.on_result = [&](int one) { seen.push_back(one); }, .on_error = {}}, square,
                   9)
      .wait();
  EXPECT_THAT(seen, ElementsAre(0, 1, 4, 22, 81));

  std::vector<std::string> errors;
  const auto keep = [&](const std::exception_ptr& error) {
    errors.push_back(words_of<std::out_of_range>([&] { std::rethrow_exception(error); }));
  };
  const auto never = [](const auto&) { ADD_FAILURE() << "a failure is no result"; };
  pool.apply_async(Callbacks<int>{.on_result = never, .on_error = keep}, fail, "one").wait();
  pool.map_async(fail, std::vector<std::string>{"two"}, 1, {.on_result = never, .on_error = keep}).wait();
  EXPECT_THAT(errors, ElementsAre("one", "two"));
}

TEST(O3, AnArgumentThatCannotBeSerialisedThrowsAtTheCallAndNothingHangs) {
  Pool pool(2);
  const auto take = [](const TrapOnSave&) { return 1; };
  const TrapOnSave bad{Trap::error};
  EXPECT_THROW(pool.apply(take, bad), std::domain_error);
  EXPECT_THROW(static_cast<void>(pool.apply_async(take, bad)), std::domain_error);
  EXPECT_THROW(pool.map(take, std::vector{TrapOnSave{}, bad, TrapOnSave{}}, 1), std::domain_error);
  EXPECT_EQ(pool.apply(take, TrapOnSave{}), 1) << "the pool goes on";
  pool.close();
  EXPECT_TRUE(pool.join(patience));
}

TEST(O4, AnyChunkSizeGivesTheSame) {
  Pool pool(3);
  for (const std::uint32_t chunk : {0U, 1U, 2U, 7U, 20U, 21U, 1000U, UINT32_MAX}) {
    EXPECT_EQ(pool.map(square, numbers(20), chunk), squares(20)) << "chunks of " << chunk;
  }
  // Python's rule: a quarter of a worker's share, rounded up. Items of one chunk run in one worker, in order.
  const Counters counters(1);
  const auto order = [](const Counters& all) { return std::pair(::getpid(), all.add()); };
  const auto items = pool.map(order, std::vector(25, counters));  // ceil(25 / 12) = 3
  for (std::size_t i = 0; i < items.size(); i += 3) {
    for (std::size_t j = i; j < std::min(i + 3, items.size()); ++j) {
      EXPECT_EQ(items[j].first, items[i].first) << "item " << j << " lies in the chunk of item " << i;
      EXPECT_TRUE(j == i || items[j].second > items[j - 1].second) << "item " << j;
    }
  }
}

TEST(O6, AnAsyncResultTellsWhenItIsReadyAndTimeoutsAreNotEarly) {
  Pool pool(1);
  const Gate gate;
  const auto result = pool.apply_async(pass_gate, gate);
  EXPECT_FALSE(result.ready());
  EXPECT_THAT(words_of<Error>([&] { static_cast<void>(result.successful()); }), HasSubstr("not ended"));
  const Stopwatch watch;
  EXPECT_THROW(result.get(200ms), TimeoutError);
  EXPECT_GE(watch.elapsed(), 195ms);
  EXPECT_FALSE(result.wait(100ms));
  EXPECT_GE(watch.elapsed(), 295ms);
  EXPECT_LT(watch.elapsed(), 5s);
  EXPECT_THROW(result.get(0ms), TimeoutError) << "zero polls";
  EXPECT_THROW(result.get(-1s), TimeoutError) << "less than zero, too";
  gate.open();
  EXPECT_TRUE(result.wait(patience));
  EXPECT_TRUE(result.ready());
  EXPECT_TRUE(result.successful());
  EXPECT_EQ(result.get(), 1);
  EXPECT_EQ(result.get(0ms), 1) << "again, without a wait";

  const auto failed = pool.apply_async(fail, "no");
  failed.wait();
  EXPECT_FALSE(failed.successful());
  EXPECT_THROW(failed.get(), std::out_of_range);
}

TEST(O9, ProcessesMustBeOneOrMoreAndTheDefaultLeavesACore) {
  EXPECT_EQ(error_code_of([] { Pool(PoolOptions{.processes = 0}); }), ErrorCode::usage);
  EXPECT_EQ(error_code_of([] { Pool(1'000'000); }), ErrorCode::usage);
  EXPECT_EQ(error_code_of([] { ProcessPoolExecutor(0U); }), ErrorCode::usage);
  Pool pool;
  EXPECT_EQ(pool.size(), std::max(1U, usable_cores() - 1));
  EXPECT_EQ(pool.size(), default_pool_size());
  EXPECT_EQ(pool.worker_pids().size(), pool.size());
  EXPECT_EQ(pool.map(square, numbers(4)), squares(4));
}

TEST(O9, TheDefaultSizeFollowsTheAffinity) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_COUNT(&one) == 0 && CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  const std::uint32_t size = default_pool_size();
  ASSERT_EQ(::sched_setaffinity(0, sizeof(before), &before), 0);
  EXPECT_EQ(size, 1U);
}

TEST(O12, TheRemoteTracebackNamesProcessTaskAndThrowingFunction) {
  Pool pool(1);
  const pid_t worker = pool.worker_pids().at(0);
  try {
    pool.apply(fail, "lost it");
    FAIL() << "nothing was thrown";
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "lost it");
    const RemoteInfo* info = remote_info(error);
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(info->pid, worker);
    EXPECT_EQ(info->task, 1U) << "the first task of its pool";
    EXPECT_EQ(info->type, "std::out_of_range");
    const std::string text = remote_traceback(error);
    EXPECT_THAT(text, HasSubstr("fail"));
    EXPECT_THAT(text, HasSubstr("lost it"));
    EXPECT_THAT(text, HasSubstr(std::to_string(worker)));
    ASSERT_FALSE(info->trace.empty());
    EXPECT_TRUE(std::any_of(info->trace.begin(), info->trace.end(), [](const std::string& line) {
      return line.find("probe::fail") != std::string::npos;
    })) << text;
  }
  // The same through map, whose first failure in order is told.
  try {
    pool.map(fail, std::vector<std::string>{"a", "b"}, 1);
    FAIL() << "nothing was thrown";
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "a");
    EXPECT_THAT(remote_traceback(error), HasSubstr("probe::fail"));
  }
}

TEST(O13, OneFailureDoesNotStopTheOthers) {
  Pool pool(2);
  const Counters counters(1);
  const auto run = [](const Counters& all, int item) {
    if (item == 0) throw std::length_error("the first");
    if (item == 3) throw std::range_error("the fourth");
    nap(10);
    all.add();
  };
  std::vector<std::pair<Counters, int>> items;
  for (int item = 0; item < 12; ++item) items.emplace_back(counters, item);
  for (const std::uint32_t chunk : {1U, 4U, 12U}) {
    counters.set(0, 0);
    EXPECT_THROW(pool.starmap(run, items, chunk), std::length_error) << "that of the first item that threw";
    EXPECT_EQ(counters.get(), 10) << "the exception came after all had ended";
  }
}

}  // namespace
}  // namespace forebay
