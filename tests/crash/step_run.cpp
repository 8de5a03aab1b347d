#include "tests/crash/step_run.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "host/error.h"
#include "pipeline/pipeline.h"
#include "pipeline/sink/run_output.h"
#include "tests/crash_host/resources.h"

namespace forebay::crash {
namespace {

using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

struct Assignment {
  std::array<char, 256> list{};
  std::array<char, 256> folder{};
  std::uint32_t owner = 0;
  std::uint32_t completion = 0;
};

void set(std::array<char, 256>& to, const std::string& text) {
  text.copy(to.data(), std::min(text.size(), to.size() - 1));
}

PipelineOptions options_of(const Assignment& order) {
  PipelineOptions options;
  options.workers = 2;
  options.batch = 8;
  options.prepare.resize = 40;
  options.prepare.crop = 32;
  options.finish.dtype = DType::u8;
  options.finish.layout = Layout::nhwc;
  options.device = DeviceChoice::cpu;
  options.order = order.completion != 0 ? Order::completion : Order::index;
  options.placement = order.owner != 0 ? Placement::owner : Placement::worker;
  // Room for a few items only, so that chunks are small, and are cut where regions differ in size.
  options.slot_bytes = order.owner != 0 ? 96 * 1024 : 16 * 1024;
  return options;
}

std::uint32_t restarts_of(const RunStats& stats) {
  std::uint32_t all = stats.owner.restarts;
  for (const WorkerStats& worker : stats.workers) all += worker.restarts;
  return all;
}

/// Looks for the death, which removes the token, and then for the replacement.
std::int64_t watch(const std::stop_token& stop, const Pipeline& pipeline, const std::string& token) {
  std::optional<Clock::time_point> died;
  while (!stop.stop_requested()) {
    if (!died && !fs::exists(token)) died = Clock::now();
    if (died && restarts_of(pipeline.stats()) > 0) {
      return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - *died).count();
    }
    static_cast<void>(::poll(nullptr, 0, 1));
  }
  return -1;
}

void run_into(const Assignment& order, StepOutcome& outcome) {
  const std::string folder = order.folder.data();
  const PipelineOptions options = options_of(order);
  RunOutput output(folder + "/out", OutputStart::fresh);
  Pipeline pipeline = PipelineBuilder::pictures({order.list.data()}).options(options).start();
  OutputPlan plan;
  plan.finish = options.finish;
  plan.finish.height = plan.finish.width = options.prepare.crop;
  output.begin(std::move(plan));
  std::jthread watcher;
  if (fs::exists(folder + "/token")) {
    watcher = std::jthread(
        [&](const std::stop_token& stop) { outcome.recovery_us = watch(stop, pipeline, folder + "/token"); });
  }
  for (const Batch& batch : pipeline) output.append(batch);
  if (watcher.joinable()) {
    watcher.request_stop();
    watcher.join();
  }
  output.finish();
  const RunStats stats = pipeline.stats();
  outcome.owner_restarts = stats.owner.restarts;
  outcome.worker_restarts = restarts_of(stats) - stats.owner.restarts;
  outcome.finished = true;
}

std::uint64_t memory_files() {
  std::ifstream maps("/proc/self/maps");
  std::uint64_t count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find("/memfd:") != line.npos ? 1 : 0;
  return count;
}

int coordinator_main(Channel channel) {
  const auto received = std::make_unique<Received>();
  if (channel.receive_until(*received, Clock::now() + std::chrono::seconds(20)) != ReceiveResult::received)
    return 3;
  const auto order = received->as<Assignment>().value();
  StepOutcome outcome;
  try {
    run_into(order, outcome);
  } catch (const std::exception& error) {
    set(outcome.error, error.what());
  }
  const Resources now = Resources::now();
  outcome.files = now.files;
  outcome.children = now.children;
  outcome.threads = now.threads;
  outcome.memory_files = memory_files();
  return channel.try_send(outcome) == SendResult::sent ? 0 : 3;
}

}  // namespace

std::string StepCase::text() const {
  return fmt::format("{}={} at visit {}, {} owner, in {} order", step, how, visit, owner ? "with" : "without",
                     completion ? "completion" : "index");
}

StepRun::StepRun(StepCase what, const std::string& list, const std::string& folder)
    : case_(std::move(what)), folder_(folder) {
  fs::create_directories(folder_);
  SpawnOptions options{"forebay: matrix coordinator", "forebay-matrix"};
  if (!case_.step.empty()) {
    const std::string token = folder_ + "/token";
    std::ofstream(token) << '\n';
    options.environment["FOREBAY_CRASH_POINT"] =
        fmt::format("{}={}:{}:{}", case_.step, case_.how, case_.visit, token);
  }
  coordinator_ = Child::spawn(&coordinator_main, options);
  Assignment order;
  set(order.list, list);
  set(order.folder, folder_);
  order.owner = case_.owner ? 1 : 0;
  order.completion = case_.completion ? 1 : 0;
  if (coordinator_.channel().try_send(order) != SendResult::sent)
    throw std::runtime_error("cannot tell the coordinator what to do");
}

bool StepRun::wait(std::chrono::seconds patience, StepOutcome& outcome) {
  const auto deadline = started_ + patience;
  const auto received = std::make_unique<Received>();
  const bool told = coordinator_.channel().receive_until(*received, deadline) == ReceiveResult::received;
  if (told) outcome = received->as<StepOutcome>().value();
  return told && coordinator_.wait_until(deadline).has_value();
}

bool StepRun::died() const { return !case_.step.empty() && !fs::exists(folder_ + "/token"); }

}  // namespace forebay::crash
