#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <thread>

#include "host/process/child.h"
#include "pipeline/pipeline.h"
#include "tests/crash/marks.h"

namespace forebay {
namespace {

struct Pids {
  std::array<pid_t, 4> workers{};
};

/// A coordinator of its own, which tells its workers' pids and then works for ever.
int coordinator_main(Channel channel) {
  PipelineOptions options;
  options.workers = 4;
  options.batch = 8;
  Pipeline pipeline = PipelineBuilder::range(UINT64_C(1) << 40U)
                          .options(options)
                          .host_stage([](Item& item) {
                            *static_cast<char*>(item.emplace(DType::u8, {1}).data) = 1;
                            const auto until =
                                std::chrono::steady_clock::now() + std::chrono::microseconds(50);
                            while (std::chrono::steady_clock::now() < until) {
                            }
                          })
                          .start();
  // Every worker has worked: it is past init(), where the tie to its parent is made. Before that, for about a
  // millisecond after exec, a process that is stopped at that moment would outlive its parent.
  RunStats stats;
  do {
    static_cast<void>(pipeline.next());
    stats = pipeline.stats();
  } while (!std::all_of(stats.workers.begin(), stats.workers.end(),
                        [](const WorkerStats& w) { return w.busy_s > 0; }));
  Pids pids;
  for (std::size_t i = 0; i < pids.workers.size(); ++i) pids.workers[i] = stats.workers[i].pid;
  if (channel.try_send(pids) != SendResult::sent) return 1;
  while (pipeline.next()) {
  }
  return 0;
}

bool is_gone(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string id;
  std::string name;
  std::string state;
  // A zombie that its adopter has not reaped yet does nothing any more.
  return !(stat >> id >> name >> state) || state == "Z" || state == "X";
}

class CoordinatorDeath : public ::testing::TestWithParam<bool> {};

TEST_P(CoordinatorDeath, LeavesNoProcessAfterTwoSeconds) {
  Child coordinator = Child::spawn(&coordinator_main, {"forebay: test coordinator", "forebay-test"});
  const auto received = std::make_unique<Received>();
  ASSERT_EQ(coordinator.channel().receive_until(*received,
                                                std::chrono::steady_clock::now() + std::chrono::seconds(30)),
            ReceiveResult::received);
  const auto pids = received->as<Pids>();
  ASSERT_TRUE(pids);
  if (GetParam()) {
    for (const pid_t pid : pids->workers)
      ASSERT_EQ(::kill(pid, SIGSTOP), 0);  // deaf to everything but SIGKILL
  }
  coordinator.signal(SIGKILL);
  ASSERT_TRUE(coordinator.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(5)));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (const pid_t pid : pids->workers) {
    while (!is_gone(pid) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_TRUE(is_gone(pid)) << "worker " << pid << " outlived its coordinator";
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, CoordinatorDeath, ::testing::Values(false, true),
                         [](const auto& parameter) { return parameter.param ? "stopped" : "running"; });

}  // namespace
}  // namespace forebay
