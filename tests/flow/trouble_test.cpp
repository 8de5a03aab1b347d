#include "pipeline/flow/trouble.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "host/limits.h"

namespace forebay {
namespace {

using Verdict = Trouble::Verdict;

Verdict blame(Trouble& trouble, std::uint64_t batch, std::uint32_t rows,
              Evidence evidence = Evidence::strong) {
  trouble.count_failure(evidence);
  return trouble.blame(batch, rows, rows, evidence, true);
}

/// Builds a batch of `rows` rows on a device that fails at these, as the desk does. Returns the rows found
/// guilty; `failures` counts what it took.
std::set<std::uint32_t> bisect(Trouble& trouble, std::uint32_t rows, const std::set<std::uint32_t>& bad,
                               std::uint32_t& failures) {
  std::set<std::uint32_t> guilty;
  std::uint32_t at = 0;
  while (at < rows && !trouble.hopeless()) {
    std::uint32_t end = at;
    std::uint32_t in_part = 0;
    std::optional<std::uint32_t> hurts;
    for (; end < rows && in_part < trouble.part_rows(7); ++end) {
      if (guilty.contains(end)) continue;
      ++in_part;
      if (bad.contains(end)) hurts = end;
    }
    if (!hurts) {
      trouble.succeeded(7, in_part);
      at = end;
      continue;
    }
    ++failures;
    if (blame(trouble, 7, in_part) == Verdict::guilty) guilty.insert(*hurts);
  }
  trouble.finished(7);
  return guilty;
}

TEST(Trouble, FindsTheGuiltyAndNobodyElse) {
  const std::set<std::uint32_t> cases[] = {{0}, {63}, {31}, {32}, {0, 63}, {5, 6, 7}, {0, 1, 2, 40, 62}};
  for (const auto& bad : cases) {
    Trouble trouble(64, 3);
    std::uint32_t failures = 0;
    EXPECT_EQ(bisect(trouble, 64, bad, failures), bad);
    EXPECT_LE(failures, 2 + 14 * bad.size()) << "two halvings a level, three attempts";
    EXPECT_GE(failures, 2 + 3 * bad.size());
    EXPECT_FALSE(trouble.careful());
    EXPECT_EQ(trouble.part_rows(8), 64U) << "the next batch is built whole again";
  }
}

TEST(Trouble, ALargeBatchIsBisectedWithinTheBudget) {
  Trouble trouble(limits::batch_items_max, 3);
  std::uint32_t failures = 0;
  EXPECT_EQ(bisect(trouble, limits::batch_items_max, {0}, failures), std::set<std::uint32_t>{0});
  EXPECT_EQ(failures, 2U + 15U + 3U);
}

TEST(Trouble, ABatchThatIsAllGuiltyIsFoundSoWhereTheDeviceHasWorkedBefore) {
  Trouble trouble(8, 3);
  trouble.succeeded(6, 8);
  std::uint32_t failures = 0;
  EXPECT_EQ(bisect(trouble, 8, {0, 1, 2, 3, 4, 5, 6, 7}, failures).size(), 8U);
  EXPECT_TRUE(trouble.unproven()) << "and nothing has been completed since";
  EXPECT_FALSE(trouble.hopeless());
}

TEST(Trouble, ADeviceThatNeverWorkedIsHopelessSoon) {
  Trouble trouble(64, 3);
  std::uint32_t failures = 0;
  std::set<std::uint32_t> all;
  for (std::uint32_t i = 0; i < 64; ++i) all.insert(i);
  bisect(trouble, 64, all, failures);
  EXPECT_TRUE(trouble.hopeless());
  EXPECT_EQ(failures, trouble.failures());
  EXPECT_LT(failures, 25U);
}

TEST(Trouble, FailuresThatNoPartExplainsAreBounded) {
  Trouble trouble(8, 3);
  trouble.succeeded(0, 8);
  std::uint32_t deaths = 0;
  for (; !trouble.hopeless() && deaths < 1000; ++deaths) trouble.count_failure(Evidence::strong);
  EXPECT_EQ(deaths, limits::device_failures_max + 3 + 1);
}

TEST(Trouble, TheFirstFailureChangesNothingTheSecondHalves) {
  Trouble trouble(16, 3);
  EXPECT_EQ(blame(trouble, 1, 16), Verdict::again);
  EXPECT_FALSE(trouble.careful());
  EXPECT_EQ(trouble.part_rows(1), 16U);
  EXPECT_EQ(blame(trouble, 1, 16), Verdict::narrower);
  EXPECT_TRUE(trouble.careful(1));
  EXPECT_EQ(trouble.part_rows(1), 8U);
  EXPECT_EQ(trouble.part_rows(2), 16U);
  trouble.succeeded(1, 8);
  EXPECT_EQ(trouble.part_rows(1), 16U) << "a success doubles";
}

TEST(Trouble, KillsFromOutsideCountHalf) {
  Trouble trouble(4, 3);
  int kills = 0;
  const auto kill = [&](std::uint32_t rows) {
    ++kills;
    return blame(trouble, 1, rows, Evidence::from_outside);
  };
  while (!trouble.careful(1)) static_cast<void>(kill(4));
  EXPECT_EQ(kills, 4);
  while (trouble.part_rows(1) > 1) static_cast<void>(kill(trouble.part_rows(1)));
  EXPECT_EQ(kills, 6);
  while (kill(1) != Verdict::guilty) ASSERT_LT(kills, 50);
  EXPECT_EQ(kills, 12) << "twice as many as attempts";
}

TEST(Trouble, APartWithoutRowsIsNobodysFault) {
  Trouble trouble(1, 1);
  for (int i = 0; i < 2; ++i) static_cast<void>(blame(trouble, 1, 1));
  ASSERT_TRUE(trouble.careful(1));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(blame(trouble, 1, 0), Verdict::again);
  EXPECT_EQ(blame(trouble, 1, 1), Verdict::guilty);
}

TEST(Trouble, TheLastAttemptIsAnnounced) {
  Trouble trouble(1, 3);
  for (int i = 0; i < 2; ++i) static_cast<void>(blame(trouble, 1, 1));
  EXPECT_FALSE(trouble.last_attempt(1));
  EXPECT_EQ(blame(trouble, 1, 1), Verdict::again);
  EXPECT_FALSE(trouble.last_attempt(1));
  EXPECT_EQ(blame(trouble, 1, 1), Verdict::again);
  EXPECT_TRUE(trouble.last_attempt(1));
  EXPECT_EQ(blame(trouble, 1, 1), Verdict::guilty);
}

TEST(Trouble, NobodyIsGuiltyByTheWordOfAnOwnerThatFailedBefore) {
  Trouble trouble(8, 1);
  for (int i = 0; i < 2; ++i) static_cast<void>(trouble.blame(1, 8, 8, Evidence::strong, true));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(trouble.blame(1, 1, 1, Evidence::strong, false), Verdict::again);
    EXPECT_TRUE(trouble.last_attempt(1));
  }
  EXPECT_EQ(trouble.blame(1, 1, 1, Evidence::strong, true), Verdict::guilty);
}

TEST(Trouble, MemoryIsHalvedForGoodAndOncePerLevel) {
  Trouble trouble(16, 3);
  EXPECT_EQ(trouble.out_of_memory(16), Trouble::Memory::halved);
  EXPECT_EQ(trouble.out_of_memory(16), Trouble::Memory::again) << "the other lane had begun before";
  EXPECT_EQ(trouble.row_limit(), 8U);
  trouble.succeeded(1, 8);
  EXPECT_EQ(trouble.part_rows(5), 8U);
  while (trouble.row_limit() > 1)
    EXPECT_EQ(trouble.out_of_memory(trouble.row_limit()), Trouble::Memory::halved);
  EXPECT_EQ(trouble.out_of_memory(1), Trouble::Memory::again);
  EXPECT_EQ(trouble.out_of_memory(1), Trouble::Memory::fresh_owner);
  EXPECT_EQ(trouble.out_of_memory(1), Trouble::Memory::exhausted);
  EXPECT_FALSE(trouble.careful()) << "nobody is guilty of that";
}

}  // namespace
}  // namespace forebay
