#include "host/memory/memory_pressure.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "host/memory/cgroup_memory.h"
#include "host/memory/memory_budget.h"
#include "tests/source/temporary_folder.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
constexpr std::uint64_t mib = std::uint64_t{1} << 20U;

/// A copy of a recorded tree, to be changed between two looks.
class Tree {
 public:
  explicit Tree(const std::string& name) {
    fs::copy(std::string(FOREBAY_TEST_TREES) + "/" + name, root(), fs::copy_options::recursive);
  }
  [[nodiscard]] std::string root() const { return folder_.path() / "tree"; }
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories(fs::path(root() + file).parent_path());
    std::ofstream(root() + file) << text << '\n';
  }

 private:
  test::TemporaryFolder folder_;
};

std::string psi(std::uint64_t total_us) {
  return "some avg10=0.00 avg60=0.00 avg300=0.00 total=" + std::to_string(total_us) +
         "\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0";
}

const std::string user_slice = "/sys/fs/cgroup/user.slice";

TEST(MemoryPressure, APlentifulMachineIsNotShort) {
  const Tree tree("bare");
  MemoryPressure pressure(tree.root());
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt);
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt);
}

TEST(MemoryPressure, TimeThatTheMachineWaitedCounts) {
  const Tree tree("bare");
  tree.write("/proc/pressure/memory", psi(50'000'000));
  MemoryPressure pressure(tree.root());
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt) << "what was before the first look is not now";
  tree.write("/proc/pressure/memory", psi(50'190'000));
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt) << "19 % are below the mark";
  tree.write("/proc/pressure/memory", psi(50'690'000));
  EXPECT_EQ(pressure.look(seconds(1)), "the machine waited for memory 50 % of the time");
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt) << "it waited no more";
  tree.write("/proc/pressure/memory", psi(51'690'000));
  EXPECT_EQ(pressure.look(seconds(10)), std::nullopt) << "the same in ten times the time is a tenth";
}

TEST(MemoryPressure, ACgroupsOwnPressureNamesIt) {
  const Tree tree("v2_nested");
  tree.write(user_slice + "/memory.pressure", psi(10));
  MemoryPressure pressure(tree.root());
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt);
  tree.write(user_slice + "/memory.pressure", psi(900'010));
  EXPECT_EQ(pressure.look(seconds(1)), "cgroup v2 /user.slice waited for memory 90 % of the time");
}

TEST(MemoryPressure, TheOomKillersCountIsNews) {
  const Tree tree("v2_nested");
  tree.write(user_slice + "/memory.events", "low 0\nhigh 5\nmax 7\noom 1\noom_kill 1");
  MemoryPressure pressure(tree.root());
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt);
  tree.write(user_slice + "/memory.events", "low 0\nhigh 900\nmax 700\noom 1\noom_kill 1");
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt) << "a full page cache meets its limit all the time";
  tree.write(user_slice + "/memory.events", "low 0\nhigh 900\nmax 700\noom 2\noom_kill 1");
  EXPECT_EQ(pressure.look(seconds(1)), "the OOM killer met cgroup v2 /user.slice");
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt);
}

TEST(MemoryPressure, LittleBelowALimitIsShortAndReclaimablePagesAreFree) {
  const Tree tree("v2_nested");  // a limit of 2048 MiB, 1536 used, 256 of them reclaimable
  MemoryPressure pressure(tree.root());
  tree.write(user_slice + "/memory.current", std::to_string(2200 * mib));
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt);
  tree.write(user_slice + "/memory.current", std::to_string(2204 * mib));
  EXPECT_EQ(pressure.look(seconds(1)), "cgroup v2 /user.slice memory.max leaves 100 MiB of 2048 MiB");
  tree.write(user_slice + "/memory.current", std::to_string(1000 * mib));
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt);
  tree.write(user_slice + "/memory.high", std::to_string(760 * mib));
  EXPECT_EQ(pressure.look(seconds(1)), "cgroup v2 /user.slice memory.high leaves 16 MiB of 760 MiB");
  EXPECT_EQ(MemoryBudget::read(tree.root()).available_bytes, 16 * mib) << "admission knows it too";
  EXPECT_EQ(MemoryBudget::read(tree.root()).limit, "cgroup v2 memory.high of /user.slice");
}

TEST(MemoryPressure, CgroupsOfV1TellTheirUsage) {
  const Tree tree("v1_hybrid");
  MemoryPressure pressure(tree.root());
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt);
  const std::string job = "/sys/fs/cgroup/memory/batch/job 7";
  tree.write(job + "/memory.usage_in_bytes", std::to_string((3072 + 100 - 20) * mib));
  EXPECT_EQ(pressure.look(seconds(1)),
            "cgroup v1 /batch/job 7 memory.limit_in_bytes leaves 20 MiB of 3072 MiB");
}

TEST(MemoryPressure, LittleMemAvailableIsShort) {
  const Tree tree("bare");
  tree.write("/proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 204800 kB");
  MemoryPressure pressure(tree.root());
  EXPECT_EQ(pressure.look(seconds(1)), "MemAvailable is 200 MiB of 16384 MiB");
  tree.write("/proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 307200 kB");
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt);
}

TEST(MemoryPressure, GarbageIsNotShort) {
  const Tree tree("garbage");
  tree.write("/proc/pressure/memory", "some total=");
  MemoryPressure pressure(tree.root());
  EXPECT_EQ(pressure.look(seconds(1)), std::nullopt);
  tree.write("/proc/pressure/memory", "total=9999999999999");
  EXPECT_EQ(pressure.look(seconds(0)), std::nullopt);
}

TEST(MemoryPressure, TheRealMachineIsAsked) {
  MemoryPressure pressure;
  EXPECT_NO_THROW(static_cast<void>(pressure.look(seconds(1))));
  EXPECT_NO_THROW(static_cast<void>(pressure.look(seconds(1))));
}

}  // namespace
}  // namespace forebay
