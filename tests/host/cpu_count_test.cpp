#include "host/process/cpu_count.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>

namespace forebay {
namespace {

std::string tree(const std::string& name) { return std::filesystem::path(FOREBAY_TEST_TREES) / name; }

TEST(CpuCount, TheSmallestQuotaOfAllAncestorsCounts) {
  EXPECT_EQ(cpu_quota_cores(tree("v2_nested")), 1.5);
  EXPECT_EQ(cpu_quota_cores(tree("v1_hybrid")), 0.5);
  EXPECT_EQ(cpu_quota_cores(tree("v1_container")), 2.5);
  EXPECT_EQ(cpu_quota_cores(tree("v2_namespaced")), 0.2);
}

TEST(CpuCount, AbsentUnlimitedOrGarbledQuotasLimitNothing) {
  EXPECT_FALSE(cpu_quota_cores(tree("bare")));
  EXPECT_FALSE(cpu_quota_cores(tree("garbage")));
  EXPECT_FALSE(cpu_quota_cores(tree("foreign")));
  EXPECT_EQ(cpu_quota_cores(tree("conventional")), 3.0)
      << "a period of zero is no quota, its parent's is one";
  EXPECT_EQ(usable_cores(tree("garbage")), affinity_cores());
}

TEST(CpuCount, IsTheQuotaRoundedUpWithinTheAffinityMask) {
  EXPECT_EQ(usable_cores(tree("v2_nested")), std::min(2U, affinity_cores()));
  EXPECT_EQ(usable_cores(tree("v1_container")), std::min(3U, affinity_cores()));
  EXPECT_EQ(usable_cores(tree("v2_namespaced")), 1U);
}

TEST(CpuCount, TheAffinityMaskCounts) {
  const unsigned all = affinity_cores();
  unsigned inside = 0;
  std::thread([&inside] {  // the mask belongs to a thread, so no other test sees this one's
    cpu_set_t now;
    CPU_ZERO(&now);
    ASSERT_EQ(::sched_getaffinity(0, sizeof(now), &now), 0);
    for (int cpu = 0, kept = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &now) && kept++ > 0) CPU_CLR(cpu, &now);
    }
    ASSERT_EQ(::sched_setaffinity(0, sizeof(now), &now), 0);
    inside = usable_cores(tree("bare"));
  })
      .join();
  EXPECT_EQ(inside, 1U);
  EXPECT_EQ(affinity_cores(), all);
}

TEST(CpuCount, TheRealMachineHasAtLeastOne) { EXPECT_GE(usable_cores(), 1U); }

}  // namespace
}  // namespace forebay
