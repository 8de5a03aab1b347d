#include "host/memory/memory_budget.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "host/error.h"

namespace forebay {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20U;
constexpr std::uint64_t meminfo_bytes = 16777216ULL * 1024;  // MemAvailable of every recorded tree

MemoryBudget recorded(const std::string& tree) {
  return MemoryBudget::read(std::string(FOREBAY_TEST_TREES) + "/" + tree);
}

TEST(MemoryBudget, WithoutCgroupsIsMemAvailable) {
  const MemoryBudget budget = recorded("bare");
  EXPECT_EQ(budget.available_bytes, meminfo_bytes);
  EXPECT_EQ(budget.limit, "MemAvailable");
}

TEST(MemoryBudget, AnAncestorsLimitCountsAndInactiveFilePagesAreFree) {
  const MemoryBudget budget = recorded("v2_nested");
  EXPECT_EQ(budget.available_bytes, (2048 - 1536 + 256) * mib);
  EXPECT_EQ(budget.limit, "cgroup v2 memory.max of /user.slice");
}

TEST(MemoryBudget, HybridReadsV1WithItsHierarchicalFigures) {
  const MemoryBudget budget = recorded("v1_hybrid");
  EXPECT_EQ(budget.available_bytes, (3072 - 1024 + 100) * mib);
  EXPECT_EQ(budget.limit, "cgroup v1 memory.limit_in_bytes of /batch/job 7");
}

TEST(MemoryBudget, AContainersMountMayShowASubtreeOnly) {
  const MemoryBudget budget = recorded("v1_container");
  EXPECT_EQ(budget.available_bytes, 512 * mib);
  EXPECT_EQ(budget.limit, "cgroup v1 memory.limit_in_bytes of /");
}

TEST(MemoryBudget, OverItsLimitNothingIsLeft) {
  const MemoryBudget budget = recorded("v2_namespaced");
  EXPECT_EQ(budget.available_bytes, 0U);
  EXPECT_THROW(budget.admit(1, "a strip", "use fewer slots"), Error);
  EXPECT_NO_THROW(budget.admit(0, "nothing", ""));
}

TEST(MemoryBudget, GarbageLimitsNothing) {
  const MemoryBudget budget = recorded("garbage");
  EXPECT_EQ(budget.available_bytes, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(budget.limit, "no known limit");
}

TEST(MemoryBudget, WithoutMountinfoLooksInTheConventionalPlaces) {
  EXPECT_EQ(recorded("conventional").available_bytes, 3072 * mib);
}

TEST(MemoryBudget, ACgroupOfAnotherNamespaceFallsBackToTheVisibleTop) {
  EXPECT_EQ(recorded("foreign").available_bytes, 2048 * mib);
}

TEST(MemoryBudget, TheRealMachineHasSome) {
  const MemoryBudget budget = MemoryBudget::read();
  EXPECT_GT(budget.available_bytes, mib);
  EXPECT_LT(budget.available_bytes, std::numeric_limits<std::uint64_t>::max());
}

TEST(MemoryBudget, RefusalNamesBothSizesTheLimitAndTheRemedy) {
  const MemoryBudget budget = recorded("v1_container");
  EXPECT_NO_THROW(budget.admit(512 * mib, "the arena", "lower --slots"));
  try {
    budget.admit(513 * mib, "the arena", "lower --slots");
    FAIL() << "admitted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::no_memory);
    EXPECT_STREQ(error.what(),
                 "the arena needs 513.0 MiB, but cgroup v1 memory.limit_in_bytes of / leaves 512.0 MiB; "
                 "lower --slots");
  }
}

}  // namespace
}  // namespace forebay
