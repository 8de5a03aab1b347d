#include "host/process/allowance.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <string>
#include <thread>

#include "host/memory/unique_fd.h"

namespace forebay {
namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

std::string tree(const std::string& name) { return std::filesystem::path(FOREBAY_TEST_TREES) / name; }

TEST(Allowance, TheSmallestLimitCountsAndIsNamed) {
  Allowance allowance;
  EXPECT_EQ(allowance.most, unlimited);
  allowance.lower(10, "ten");
  allowance.lower(20, "twenty");
  EXPECT_EQ(allowance.most, 10U);
  EXPECT_EQ(allowance.limit, "ten");
}

TEST(Allowance, OthersInAnAncestorCgroupTakeFromIt) {
  const Allowance tasks = tasks_allowed(tree("v2_nested"));
  EXPECT_EQ(tasks.most, 100U - (90U - 3U)) << "its own three threads are not others'";
  EXPECT_EQ(tasks.limit, "cgroup v2 pids.max of /user.slice");
}

TEST(Allowance, NoPidsCgroupLimitsNothing) { EXPECT_EQ(tasks_allowed(tree("bare")).most, unlimited); }

TEST(Allowance, OpenDescriptorsAreCounted) {
  const std::uint64_t before = descriptors_open();
  const UniqueFd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd two(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(descriptors_open(), before + 2);
}

TEST(Allowance, ThreadsOfThisProcessAreCounted) {
  const auto live = [](const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
  };
  const std::jthread first(live);  // with it comes ThreadSanitizer's own thread
  const std::uint64_t before = own_tasks();
  const std::jthread second(live);
  EXPECT_EQ(own_tasks(), before + 1);
}

class DescriptorLimit : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &saved_), 0); }
  void TearDown() override { ::setrlimit(RLIMIT_NOFILE, &saved_); }
  static rlim_t soft() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
  }
  rlimit saved_{};
};

TEST_F(DescriptorLimit, TheSoftOneIsRaisedAsFarAsAllowedAndNeverLowered) {
  const rlimit low{64, saved_.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  raise_descriptor_limit(40);
  EXPECT_EQ(soft(), 64U);
  raise_descriptor_limit(80);
  EXPECT_EQ(soft(), 80U);
  raise_descriptor_limit(unlimited - 1);
  EXPECT_EQ(soft(), saved_.rlim_max);
  EXPECT_EQ(descriptors_allowed().most, saved_.rlim_max == RLIM_INFINITY ? unlimited : saved_.rlim_max);
}

TEST(Allowance, AddressSpaceIsItsSoftLimit) {
  rlimit saved{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &saved), 0);
  const rlimit much{rlim_t{1} << 45U, saved.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &much), 0);
  EXPECT_EQ(address_space_allowed().most, std::uint64_t{1} << 45U);
  ::setrlimit(RLIMIT_AS, &saved);
}

}  // namespace
}  // namespace forebay
