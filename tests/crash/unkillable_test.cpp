#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "host/error.h"
#include "host/limits.h"
#include "pipeline/pipeline.h"

// Workers and owners that not even SIGKILL ends. A real one hangs in a file system; here the kernel's freezer
// holds it, which has the same effect: state D, and no signal is taken.
namespace forebay {
namespace {

using namespace std::chrono_literals;

/// A freezer of cgroup v1.
class Freezer {
 public:
  Freezer() : folder_("/sys/fs/cgroup/freezer/forebay-test-" + std::to_string(::getpid())) {
    std::error_code error;
    std::filesystem::create_directory(folder_, error);
    usable_ = !error && std::filesystem::exists(folder_ + "/freezer.state");
  }
  Freezer(const Freezer&) = delete;
  Freezer& operator=(const Freezer&) = delete;
  ~Freezer() {
    if (!usable_) return;
    thaw();
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (::rmdir(folder_.c_str()) != 0 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(10ms);
  }
  [[nodiscard]] bool usable() const { return usable_; }
  void freeze(pid_t pid) const {
    std::ofstream(folder_ + "/cgroup.procs") << pid;
    std::ofstream(folder_ + "/freezer.state") << "FROZEN";
  }
  void thaw() const { std::ofstream(folder_ + "/freezer.state") << "THAWED"; }

 private:
  std::string folder_;
  bool usable_ = false;
};

bool says(const RunStats& stats, const std::string& text) {
  return std::any_of(stats.notices.begin(), stats.notices.end(),
                     [&](const Notice& notice) { return notice.text.find(text) != std::string::npos; });
}

Pipeline slow_items(std::uint32_t workers) {
  PipelineOptions options;
  options.workers = workers;
  options.batch = 10;
  options.item_timeout = 500ms;
  return PipelineBuilder::range(200)
      .options(options)
      .host_stage([](Item& item) {
        *static_cast<std::uint64_t*>(item.emplace(DType::i64, {1}).data) = item.index();
        std::this_thread::sleep_for(5ms);
      })
      .start();
}

TEST(UnkillableWorker, ItsWorkIsDoneByTheOthers) {
  const Freezer freezer;
  if (!freezer.usable()) GTEST_SKIP() << "NO FREEZER: this machine has no cgroup v1 freezer that may be used";
  Pipeline pipeline = slow_items(2);
  std::uint64_t next = 0;
  std::uint64_t rows = 0;
  std::jthread thawer;
  while (const auto batch = pipeline.next()) {
    if (next == 0) {
      freezer.freeze(pipeline.stats().workers[0].pid);
      // Let go of at the end, so that this test is not its own leftover.
      thawer = std::jthread([&](const std::stop_token& stop) {
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        while (!stop.stop_requested() && !says(pipeline.stats(), "not even by SIGKILL") &&
               std::chrono::steady_clock::now() < deadline)
          std::this_thread::sleep_for(20ms);
        std::this_thread::sleep_for(500ms);
        freezer.thaw();
      });
    }
    const auto* values = static_cast<const std::uint64_t*>(batch->tensor().data);
    for (const ItemRecord& item : batch->items()) {
      EXPECT_EQ(item.index, next++);
      ASSERT_TRUE(item.ok()) << item.index << ": " << item.message;
      EXPECT_EQ(*values++, item.index);
      ++rows;
    }
  }
  EXPECT_EQ(rows, 200U);
  EXPECT_TRUE(says(pipeline.stats(), "worker 0"));
  EXPECT_TRUE(says(pipeline.stats(), "not even by SIGKILL"));
  thawer.join();
}

TEST(UnkillableWorker, WithoutAnotherOneTheRunEndsAndSaysWhy) {
  const Freezer freezer;
  if (!freezer.usable()) GTEST_SKIP() << "NO FREEZER: this machine has no cgroup v1 freezer that may be used";
  Pipeline pipeline = slow_items(1);
  std::uint64_t items = 0;
  std::string message;
  try {
    while (const auto batch = pipeline.next()) {
      if (items == 0) freezer.freeze(pipeline.stats().workers[0].pid);
      items += batch->items().size();
      EXPECT_LT(items, 200U);
    }
  } catch (const Error& error) {
    message = error.what();
  }
  freezer.thaw();
  EXPECT_NE(message.find("not even by SIGKILL"), std::string::npos) << message;
  EXPECT_NE(message.find("no other worker is left"), std::string::npos) << message;
}

TEST(UnkillableOwner, EndsTheRunAndSaysWhy) {
  const Freezer freezer;
  if (!freezer.usable()) GTEST_SKIP() << "NO FREEZER: this machine has no cgroup v1 freezer that may be used";
  const std::string photos = std::filesystem::path(FOREBAY_SHARED_DIR) / "photos/good";
  if (!std::filesystem::exists(photos)) GTEST_SKIP() << "NO TEST PHOTOS at " << photos;
  PipelineOptions options;
  options.workers = 2;
  options.batch = 8;
  options.device = DeviceChoice::cpu;
  options.placement = Placement::owner;
  options.item_timeout = 1s;  // so a batch has limits::owner_batch_min
  Pipeline pipeline = PipelineBuilder::pictures({photos}).options(options).start();
  ASSERT_TRUE(pipeline.next());
  freezer.freeze(pipeline.stats().owner.pid);
  const std::jthread thawer([&](const std::stop_token& stop) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!stop.stop_requested() && !says(pipeline.stats(), "not even by SIGKILL") &&
           std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(20ms);
    freezer.thaw();
  });
  std::string message;
  try {
    while (pipeline.next()) {
    }
  } catch (const Error& error) {
    message = error.what();
  }
  EXPECT_NE(message.find("not even by SIGKILL"), std::string::npos) << message;
  EXPECT_NE(message.find("its device or driver hangs"), std::string::npos) << message;
}

}  // namespace
}  // namespace forebay
