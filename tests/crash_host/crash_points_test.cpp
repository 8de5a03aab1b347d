// Death at every crash point, in each role, in every kind of job, for two and three processes: nothing hangs,
// nothing is lost or told twice, nobody else is concerned, nobody is left behind.
#include <gtest/gtest.h>
#include <unistd.h>
#include <array>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "host/process/child.h"
#include "host/process/crash_point.h"
#include "tests/crash_host/family.h"
#include "tests/crash_host/jobs.h"
#include "tests/crash_host/outcomes.h"
#include "tests/crash_host/table.h"
#include "tests/process/probe.h"

namespace forebay::crash {
namespace {

using probe::Folder;

constexpr std::chrono::milliseconds gone_by{2000};  // the promise for what a dead parent leaves

bool of_worker(std::string_view name) {
  return name.starts_with("worker.") || name.starts_with("bootstrap.");
}
bool of_parent(std::string_view name) { return name.starts_with("pool.") || name.starts_with("start."); }

/// How many items a worker's death at this point costs where nothing is retried: those that it had begun and
/// whose result is not there.
struct Cost {
  unsigned at_least = 0;
  unsigned at_most = 0;
};
Cost cost_of(std::string_view point, const Job& job) {
  // Its own death comes on top, or is the one.
  const unsigned own = job.own_deaths;
  const bool begun = point == "worker.task.claimed" || point == "worker.payload.received" ||
                     point.starts_with("worker.item.") || point == "worker.payload.sent" ||
                     point == "worker.ring.full";
  // The word that it is ready is a result as well.
  const bool perhaps = point == "worker.result.written";
  return {begun && !perhaps ? 1U : 0U, own + (begun || perhaps ? 1U : 0U)};
}

/// A sanitized process starts ten times as slowly: there one visit must do, and one number of workers for
/// each policy.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
constexpr std::array worker_visits{1U};
constexpr std::array parent_visits{1U};
#else
constexpr bool sanitized = false;
constexpr std::array worker_visits{1U, 3U};
constexpr std::array parent_visits{1U, 2U};
#endif

std::string plan_for(std::string_view point, unsigned visit, const std::string& token) {
  return std::string(point) + ":" + std::to_string(visit) + ":" + token;
}

void check(const JobReport& report, Cost cost, const std::string& where) {
  EXPECT_EQ(report.missing, 0U) << where << ": no outcome in time, or one too many";
  EXPECT_EQ(report.wrong, 0U) << where << ": another outcome";
  EXPECT_GE(report.died, cost.at_least) << where << ": the item that the worker died of was not charged";
  EXPECT_LE(report.died, cost.at_most) << where << ": items were charged that had no part in it";
  EXPECT_EQ(report.right + report.died, report.items) << where;
  EXPECT_TRUE(report.goes_on) << where << ": the pool does not go on";
}

TEST(CrashPoints, EveryNameBelongsToARole) {
  for (const std::string_view name : crash_point_names) {
    EXPECT_TRUE(of_worker(name) != of_parent(name)) << name << " is killed at by no test";
  }
}

TEST(CrashPoints, AWorkerThatDiesAtAnyCostsAtMostItsItem) {
  Table table("worker dies at");
  for (const std::string_view point : crash_point_names) {
    if (!of_worker(point)) continue;
    unsigned reached = 0;
    for (const Job& job : jobs()) {
      for (const OnDeath on_death : {OnDeath::retry, OnDeath::fail}) {
        for (const std::uint32_t workers : {1U, 2U}) {
          for (const unsigned visit : worker_visits) {
            if (job.slow && (workers != 2 || visit != 1)) continue;
            if (sanitized && !job.slow && workers != (on_death == OnDeath::retry ? 1U : 2U)) continue;
            const Folder folder;
            const std::string token = folder.path() / "token";
            touch(token);
            ::setenv("FOREBAY_CRASH_POINT", plan_for(point, visit, token).c_str(), 1);
            JobReport report;
            job.run({workers, on_death, folder.path()}, report);
            ::unsetenv("FOREBAY_CRASH_POINT");
            const bool died = !std::filesystem::exists(token);
            const bool retry = on_death == OnDeath::retry;
            const Cost cost = retry ? Cost{} : cost_of(died ? point : "", job);
            reached += died ? 1 : 0;
            const std::string where = std::string(point) + ", visit " + std::to_string(visit) + ", " +
                                      job.name + ", " + std::to_string(workers) + " workers, " +
                                      (retry ? "retry" : "fail");
            check(report, cost, where);
            table.add(point, job.name, died, !::testing::Test::HasFailure());
            if (::testing::Test::HasFatalFailure() || report.missing != 0) return;
          }
        }
      }
    }
    EXPECT_GT(reached, 0U) << point << " is reached by no job";
  }
  table.print(FOREBAY_REPORTS);
}

struct ParentSetup {
  std::uint32_t job = 0;
  std::uint32_t workers = 1;
  OnDeath on_death = OnDeath::retry;
  std::array<char, 256> folder{};
};

/// The process that dies. Where it does not, because the job never comes to the point, its outcomes must be
/// right.
int run_the_job(Channel channel) {
  const auto received = std::make_unique<Received>();
  if (channel.receive_until(*received, probe::soon()) != ReceiveResult::received) return 3;
  const auto setup = received->as<ParentSetup>().value();
  JobReport report;
  const Job& job = jobs()[setup.job];
  job.run({setup.workers, setup.on_death, setup.folder.data()}, report);
  const bool right =
      report.missing == 0 && report.wrong == 0 && report.goes_on && report.died <= job.own_deaths;
  return right ? 0 : 4;
}

TEST(CrashPoints, AParentThatDiesAtAnyLeavesNobody) {
  adopt_orphans();
  Table table("parent dies at");
  std::chrono::milliseconds longest{0};
  for (const std::string_view point : crash_point_names) {
    if (!of_parent(point)) continue;
    unsigned reached = 0;
    for (std::uint32_t job = 0; job < jobs().size(); ++job) {
      for (const std::uint32_t workers : {1U, 2U}) {
        for (const unsigned visit : parent_visits) {
          if (jobs()[job].slow && (workers != 2 || visit != 1)) continue;
          const Folder folder;
          const std::string token = folder.path() / "token";
          touch(token);
          ParentSetup setup{job, workers, workers == 1 ? OnDeath::retry : OnDeath::fail, {}};
          const std::string path = folder.path();
          path.copy(setup.folder.data(), setup.folder.size() - 1);
          SpawnOptions options{"forebay: test parent", "forebay-test"};
          options.environment["FOREBAY_CRASH_POINT"] = plan_for(point, visit, token);
          Child parent = Child::spawn(&run_the_job, options);
          ASSERT_EQ(parent.channel().try_send(setup), SendResult::sent);
          const auto status = parent.wait_until(probe::soon() + patience);
          const bool died = !std::filesystem::exists(token);
          const std::string where = std::string(point) + ", visit " + std::to_string(visit) + ", " +
                                    jobs()[job].name + ", " + std::to_string(workers) + " workers";
          ASSERT_TRUE(status) << where << ": hangs";
          EXPECT_EQ(describe(*status), died ? "killed by signal 9 (SIGKILL)" : "exit code 0") << where;
          std::string left;
          longest = std::max(longest, wait_for_no_children(gone_by, left));
          EXPECT_EQ(left, "") << where << ": left behind";
          reached += died ? 1 : 0;
          table.add(point, jobs()[job].name, died, !::testing::Test::HasFailure());
        }
      }
    }
    EXPECT_GT(reached, 0U) << point << " is reached by no job";
  }
  table.note("the last process was gone at most " + std::to_string(longest.count()) + " ms later");
  table.print(FOREBAY_REPORTS);
}

}  // namespace
}  // namespace forebay::crash
