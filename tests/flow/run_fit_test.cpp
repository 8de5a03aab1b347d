#include "pipeline/flow/run_fit.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "host/error.h"
#include "host/limits.h"

namespace forebay {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20U;

Machine large_machine() {
  Machine machine;
  machine.memory = {std::uint64_t{1} << 40U, "MemAvailable"};
  machine.cores = 8;
  machine.descriptors_open = 3;
  machine.own_tasks = 1;
  return machine;
}

const ResourceNeed& need_of(const RunFit& fit, const std::string& name) {
  for (const ResourceNeed& need : fit.needs) {
    if (need.name == name) return need;
  }
  throw Error(ErrorCode::usage, "no need is called " + name);
}

std::string refusal(const RunFit& fit) {
  try {
    for (const ResourceNeed& need : fit.needs) admit(need);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(RunFit, ALargeMachineChangesNothing) {
  const PipelineOptions options;
  const RunFit fit = fit_run(options, {}, large_machine());
  EXPECT_EQ(fit.note, "");
  EXPECT_EQ(refusal(fit), "");
  EXPECT_EQ(fit.shape.workers, 8U);
  EXPECT_EQ(fit.shape.slots_per_worker, 4U);
  const RunShape plain = shape_of(options, {}, true, 0, 0, 8);
  EXPECT_EQ(fit.shape.arena_bytes, plain.arena_bytes);
}

TEST(RunFit, MemoryIsStripsBuffersAndProcesses) {
  const RunFit fit = fit_run({}, {}, large_machine());
  const RunShape& shape = fit.shape;
  EXPECT_EQ(shape.buffer_bytes, std::uint64_t{3} * 64 * 224 * 224 * 3 * 4);
  EXPECT_EQ(need_of(fit, "memory").need,
            8 * shape.strip_layout().bytes() + shape.buffer_bytes + 9 * limits::process_bytes);
  const RunFit owner = fit_run({}, {Device{DeviceKind::cuda, 0}}, large_machine());
  EXPECT_EQ(need_of(owner, "memory").need,
            owner.shape.arena_bytes + 10 * limits::process_bytes + limits::cuda_context_bytes);
}

TEST(RunFit, SlotsThenWorkersBecomeFewerAndItIsSaid) {
  Machine machine = large_machine();
  const std::uint64_t all = need_of(fit_run({}, {}, machine), "memory").need;
  machine.memory = {all - 1, "MemAvailable"};
  const RunFit fewer_slots = fit_run({}, {}, machine);
  EXPECT_EQ(fewer_slots.shape.workers, 8U);
  EXPECT_EQ(fewer_slots.shape.slots_per_worker, 3U);
  EXPECT_EQ(refusal(fewer_slots), "");
  EXPECT_NE(fewer_slots.note.find("8 workers with 3 slots each instead of 8 with 4: MemAvailable leaves"),
            std::string::npos)
      << fewer_slots.note;
  machine.memory.available_bytes = all * 2 / 3;
  const RunFit fewer_workers = fit_run({}, {}, machine);
  EXPECT_LT(fewer_workers.shape.workers, 8U);
  EXPECT_GE(fewer_workers.shape.workers, 1U);
  EXPECT_LE(need_of(fewer_workers, "memory").need, machine.memory.available_bytes);
}

TEST(RunFit, WhatWasGivenIsKeptAndTheErrorNamesFlagsThatFit) {
  PipelineOptions options;
  options.workers = 6;
  options.slots = 4;
  Machine machine = large_machine();
  const std::uint64_t all = need_of(fit_run(options, {}, machine), "memory").need;
  machine.memory = {all - 30 * mib, "cgroup v2 memory.max of /job"};
  const RunFit fit = fit_run(options, {}, machine);
  EXPECT_EQ(fit.shape.workers, 6U);
  EXPECT_EQ(fit.shape.slots_per_worker, 4U);
  const std::string said = refusal(fit);
  EXPECT_NE(said.find("cgroup v2 memory.max of /job leaves"), std::string::npos) << said;
  // The flags in the message, followed, fit.
  PipelineOptions followed = options;
  const auto number_after = [&said](const std::string& flag) -> std::optional<std::uint32_t> {
    const std::size_t at = said.find(flag + " ");
    if (at == std::string::npos) return std::nullopt;
    return static_cast<std::uint32_t>(std::stoul(said.substr(at + flag.size() + 1)));
  };
  followed.workers = number_after("--workers").value_or(6);
  followed.slots = number_after("--slots").value_or(4);
  followed.batch = number_after("--batch").value_or(64);
  EXPECT_TRUE(followed.workers != options.workers || followed.slots != options.slots ||
              followed.batch != options.batch)
      << said;
  EXPECT_EQ(refusal(fit_run(followed, {}, machine)), "") << said;
}

TEST(RunFit, ALimitOnFilesHoldsForSharedMemoryToo) {
  PipelineOptions options;
  options.slots = 8;
  Machine machine = large_machine();
  const RunFit large = fit_run(options, {}, machine);
  EXPECT_EQ(need_of(large, "shared memory").need, large.shape.strip_layout().bytes());
  machine.file_size = {large.shape.strip_layout().bytes() - 1, "RLIMIT_FSIZE (ulimit -f)"};
  const std::string said = refusal(fit_run(options, {}, machine));
  EXPECT_NE(said.find("RLIMIT_FSIZE (ulimit -f) leaves"), std::string::npos) << said;
  EXPECT_NE(said.find("use --slots"), std::string::npos) << said;
  options.slots.reset();
  machine.file_size.most = fit_run(options, {}, large_machine()).shape.strip_layout().bytes() - 1;
  EXPECT_EQ(refusal(fit_run(options, {}, machine)), "") << "what was not given is made to fit";
  RunParts cuda;
  cuda.device.kind = DeviceKind::cuda;
  options.batch = 4096;
  const RunFit owner = fit_run(options, cuda, large_machine());
  EXPECT_EQ(need_of(owner, "shared memory").need, 4096 * owner.shape.row_bytes);
}

TEST(RunFit, TheRunsOwnBudgetCountsWhereItIsTheSmallest) {
  PipelineOptions options;
  options.memory_bytes = 50 * mib;
  const std::string said = refusal(fit_run(options, {}, large_machine()));
  EXPECT_NE(said.find("but --memory-mb 50 leaves 50.0 MiB"), std::string::npos) << said;
  EXPECT_NE(said.find("raise it to "), std::string::npos) << said;
  Machine small = large_machine();
  small.memory = {40 * mib, "MemAvailable"};
  EXPECT_NE(refusal(fit_run(options, {}, small)).find("MemAvailable leaves 40.0 MiB"), std::string::npos);
}

TEST(RunFit, FewDescriptorsOrProcessesMeanFewerWorkers) {
  Machine machine = large_machine();
  machine.descriptors.lower(limits::own_descriptors + 3 * 5 + 1, "RLIMIT_NOFILE");
  EXPECT_EQ(fit_run({}, {}, machine).shape.workers, 5U);
  machine = large_machine();
  machine.tasks.lower(limits::own_tasks + 3, "cgroup v1 pids.max of /job");
  // Cores that no worker takes are the last operator's, whose threads count too.
  PipelineOptions options;
  options.workers = 8;
  const std::string said = refusal(fit_run(options, {}, machine));
  const std::string limit = "cgroup v1 pids.max of /job leaves " + std::to_string(limits::own_tasks + 3);
  EXPECT_NE(said.find(limit), std::string::npos) << said;
  EXPECT_NE(said.find("raise the limit by 5"), std::string::npos) << said;
}

TEST(RunFit, AnApplicationsOwnDescriptorsCount) {
  Machine machine = large_machine();
  machine.descriptors.lower(300, "RLIMIT_NOFILE");
  EXPECT_EQ(refusal(fit_run({}, {}, machine)), "");
  machine.descriptors_open = 299;
  EXPECT_NE(refusal(fit_run({}, {}, machine)), "");
}

TEST(RunFit, AddressSpaceIsTheArenaAndTheCoordinatorsOwn) {
  Machine machine = large_machine();
  PipelineOptions options;
  options.workers = 2;
  options.slots = 2;
  const ResourceNeed need = need_of(fit_run(options, {}, machine), "address space");
  EXPECT_TRUE(need.fits());
  machine.address_space.lower(need.need - 1, "RLIMIT_AS (ulimit -v)");
  EXPECT_NE(refusal(fit_run(options, {}, machine)).find("RLIMIT_AS (ulimit -v)"), std::string::npos);
}

TEST(RunFit, OneWorkerInThisProcessIsNotShrunk) {
  PipelineOptions options;
  options.workers = 0;
  Machine machine = large_machine();
  machine.memory.available_bytes = 40 * mib;
  const RunFit fit = fit_run(options, {}, machine);
  EXPECT_TRUE(fit.shape.inline_worker);
  EXPECT_NE(refusal(fit), "");
}

TEST(RunFit, TheSmallestCropHasASlot) {
  PipelineOptions options;
  options.prepare.resize = options.prepare.crop = 1;
  options.batch = 1;
  EXPECT_EQ(refusal(fit_run(options, {}, large_machine())), "");
}

}  // namespace
}  // namespace forebay
