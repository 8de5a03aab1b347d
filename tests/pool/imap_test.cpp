#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <ranges>
#include <set>
#include <vector>

#include "host/pool/pool.h"
#include "host/process/process_info.h"
#include "tests/pool/pool_probe.h"

namespace forebay {
namespace {

using namespace probe;  // NOLINT(google-build-using-namespace): the tests' own words

class SayWhen : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

/// 0, 1, 2 … and an exception in the place of `raise_at`.
auto numbers_until(int end, int raise_at) {
  return std::views::iota(0, end) | std::views::transform([raise_at](int i) {
           if (i == raise_at) throw SayWhen("here");
           return i;
         });
}

TEST(O5, AnIterableThatThrowsAtAPositionIsThrownByMap) {
  Pool pool(2);
  for (const int position : {0, 1, 7}) {
    for (const std::uint32_t chunk : {0U, 1U, 3U}) {
      EXPECT_THROW(pool.map(square, numbers_until(20, position), chunk), SayWhen);
      auto unsized = numbers_until(20, position) | std::views::filter([](int) { return true; });
      EXPECT_THROW(pool.map(square, unsized, chunk), SayWhen);
      EXPECT_THROW(static_cast<void>(pool.map_async(square, numbers_until(20, position), chunk)), SayWhen);
    }
  }
  EXPECT_EQ(pool.map(square, std::vector{2, 3}), (std::vector{4, 9})) << "the pool can be used later";
}

TEST(O5, AnIterableThatThrowsAtAPositionIsThrownThereByImap) {
  Pool pool(2);
  for (const int position : {0, 1, 7, 15}) {
    for (const std::uint32_t chunk : {1U, 2U, 4U, 100U}) {
      auto walk = pool.imap(square, numbers_until(20, position), {.chunk_size = chunk});
      for (int i = 0; i < position; ++i)
        ASSERT_EQ(walk.next(patience), square(i)) << position << ' ' << chunk;
      EXPECT_THROW(walk.next(patience), SayWhen) << position << ' ' << chunk;
      EXPECT_EQ(walk.next(patience), std::nullopt) << "then it is the end";
    }
  }
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(O5, AnIterableThatThrowsAtAPositionIsThrownByImapUnordered) {
  Pool pool(2);
  for (const int position : {0, 1, 15}) {
    auto walk = pool.imap_unordered(square, numbers_until(20, position), {.chunk_size = 3});
    std::multiset<int> seen;
    for (int i = 0; i < position; ++i) seen.insert(walk.next(patience).value());
    EXPECT_THROW(walk.next(patience), SayWhen);
    EXPECT_EQ(walk.next(patience), std::nullopt);
    std::multiset<int> wanted;
    for (int i = 0; i < position; ++i) wanted.insert(square(i));
    EXPECT_EQ(seen, wanted);
  }
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(O7, ImapGivesAllInOrderAndTheEndStaysTheEnd) {
  Pool pool(3);
  for (const int count : {10, 1000}) {
    for (const std::uint32_t chunk : {1U, 7U, 100U, 2000U}) {
      auto walk = pool.imap(square, std::views::iota(0, count), {.chunk_size = chunk});
      int next = 0;
      for (const int result : walk) ASSERT_EQ(result, square(next++));
      EXPECT_EQ(next, count);
      EXPECT_EQ(walk.next(), std::nullopt);
      EXPECT_EQ(walk.next(1ms), std::nullopt) << "for ever";
    }
  }
  EXPECT_EQ(error_code_of([&] { pool.imap(square, std::vector{1}, {.chunk_size = 0}); }), ErrorCode::usage);
}

TEST(O7, NextTimesOutAndTheWalkGoesOn) {
  Pool pool(2);
  const Gate gate;
  auto walk = pool.imap(pass_gate, std::vector(2, gate));
  const Stopwatch watch;
  EXPECT_THROW(walk.next(100ms), TimeoutError);
  EXPECT_GE(watch.elapsed(), 95ms);
  gate.open();
  EXPECT_EQ(walk.next(patience), 1);
  EXPECT_EQ(walk.next(patience), 1);
  EXPECT_EQ(walk.next(patience), std::nullopt);
}

TEST(O7, AnItemsExceptionComesInItsPlaceAndTheWalkGoesOn) {
  Pool pool(2);
  const auto odd_fails = [](int x) {
    if (x % 2 == 1) throw std::range_error(std::to_string(x));
    return x;
  };
  for (const std::uint32_t chunk : {1U, 3U}) {
    auto walk = pool.imap(odd_fails, std::views::iota(0, 10), {.chunk_size = chunk});
    for (int i = 0; i < 10; ++i) {
      if (i % 2 == 0) {
        EXPECT_EQ(walk.next(patience), i);
      } else {
        EXPECT_EQ(words_of<std::range_error>([&] { walk.next(patience); }), std::to_string(i));
      }
    }
    EXPECT_EQ(walk.next(patience), std::nullopt);
  }
}

TEST(O8, ImapUnorderedGivesTheSameInAnyOrder) {
  Pool pool(3);
  for (const std::uint32_t chunk : {1U, 53U, 1000U}) {
    auto walk = pool.imap_unordered(square, std::views::iota(0, 1000), {.chunk_size = chunk});
    std::vector<int> seen;
    for (const int result : walk) seen.push_back(result);
    std::sort(seen.begin(), seen.end());
    ASSERT_EQ(seen.size(), 1000U);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(seen[static_cast<std::size_t>(i)], square(i));
  }
}

TEST(O8, ImapUnorderedDoesNotWaitForTheSlow) {
  Pool pool(2);
  const Gate gate;
  struct First {
    Gate gate;
    int operator()(int item) const {
      if (item == 0) gate.pass();
      return item;
    }
  };
  auto slow_first = pool.imap_unordered(First{gate}, std::views::iota(0, 3));
  EXPECT_EQ(slow_first.next(patience), 1);
  EXPECT_EQ(slow_first.next(patience), 2);
  gate.open();
  EXPECT_EQ(slow_first.next(patience), 0);
}

TEST(Pitfall14, ImapOverAnEndlessGeneratorKeepsTheWindowAndTheMemoryFlat) {
  Pool pool(2);
  std::atomic<int> read = 0;
  auto endless = std::views::iota(0) | std::views::transform([&read](int i) {
                   ++read;
                   return std::string(1000, static_cast<char>('a' + i % 26));
                 });
  for (const bool ordered : {true, false}) {
    read = 0;
    constexpr std::size_t window = 32;
    const auto length = [](const std::string& text) { return text + text; };
    const ImapOptions options{.chunk_size = 4, .window = window};
    auto walk = ordered ? pool.imap(length, endless, options) : pool.imap_unordered(length, endless, options);
    EXPECT_LE(read, window) << "no more is read before anything is taken";
    std::uint64_t rss_early = 0;
    for (int taken = 1; taken <= 20'000; ++taken) {
      ASSERT_EQ(walk.next(patience)->size(), 2000U);
      ASSERT_LE(read - taken, static_cast<int>(window) + 4) << "in flight or not taken, after " << taken;
      ASSERT_LE(walk.in_flight(), window / 4);
      if (taken == 2000) rss_early = rss_bytes(::getpid()).value();
    }
    // What flows through is 60 MB; nothing of it stays. (A sanitizer keeps what was freed for a while.)
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LT(rss_bytes(::getpid()).value(), rss_early + (8U << 20U));
#else
    EXPECT_GT(rss_early, 0U);
#endif
  }
}

TEST(Pitfall14, ASlowConsumerHoldsTheWorkersBack) {
  Pool pool(2);
  std::atomic<int> read = 0;
  auto endless = std::views::iota(0) | std::views::transform([&read](int i) { return ++read, i; });
  auto walk = pool.imap(square, endless, {.chunk_size = 1, .window = 8});
  nap(100);
  EXPECT_EQ(read, 8) << "they do not run ahead of who takes the results";
  EXPECT_EQ(walk.next(patience), 0);
  EXPECT_EQ(read, 9);
}

TEST(O7, AClosedPoolEndsAWalkBehindWhatItHas) {
  Pool pool(1);
  auto walk = pool.imap(square, std::views::iota(0), {.chunk_size = 1, .window = 4});
  pool.close();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(walk.next(patience), square(i));
  std::size_t more = 0;
  EXPECT_EQ(error_code_of([&] {
              while (walk.next(patience)) ++more;
            }),
            ErrorCode::usage);
  EXPECT_EQ(more, 1U) << "what had been submitted is not lost";
  EXPECT_EQ(walk.next(patience), std::nullopt);
  EXPECT_TRUE(pool.join(patience));
  EXPECT_EQ(error_code_of([&] { pool.imap(square, std::views::iota(0)); }), ErrorCode::usage);
}

TEST(O7, AnAbandonedWalkLeavesThePoolUsable) {
  Pool pool(2);
  for (int round = 0; round < 20; ++round) {
    auto walk = pool.imap(square, std::views::iota(0));
    EXPECT_EQ(walk.next(patience), 0);
  }
  EXPECT_EQ(pool.apply(square, 4), 16);
}

}  // namespace
}  // namespace forebay
