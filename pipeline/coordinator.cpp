#include "pipeline/coordinator.h"

#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "device/cuda_module.h"
#include "host/error.h"

namespace forebay {
namespace {

/// An owner whose device works, and the device's name. One that dies meanwhile is replaced, a few times.
std::pair<std::unique_ptr<OwnerLink>, std::string> open_owner(const Device& device, unsigned threads) {
  for (std::uint32_t attempt = 1;; ++attempt) {
    auto owner = std::make_unique<OwnerLink>(device, threads);
    try {
      std::string name = owner->wait_opened();
      return {std::move(owner), std::move(name)};
    } catch (const Error& error) {
      if (error.code() != ErrorCode::peer_died || attempt >= limits::owner_open_attempts) throw;
    }
  }
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

Coordinator::Coordinator(PipelineConfig config)
    : options_(config.options), started_(std::chrono::steady_clock::now()) {
  if (!config.source) throw Error(ErrorCode::usage, "a pipeline needs a source");
  if (config.host_stages.size() > limits::stages_max || config.device_stages.size() > limits::stages_max) {
    throw Error(ErrorCode::usage, fmt::format("more than {} stages of a kind", limits::stages_max));
  }
  options_.finish.height = options_.finish.width = options_.prepare.crop;
  check_options(options_);
  const bool files = config.source->has_files();
  // The shape for the cpu first: what makes no sense on any device is refused before a process is started.
  shape_ = shape_of(options_, Device{}, files, config.host_stages.size(), config.device_stages.size());
  auto sampler = make_sampler(std::move(config.source), sampling_of(options_), config.done);
  grid_ = BatchGrid(options_.batch, sampler->epoch_sizes());
  for (const PositionRange& range : config.done.ranges) items_before_ += range.end - range.begin;
  rows_ = config.done.rows;
  Device device;
  std::unique_ptr<OwnerLink> owner = choose_device(files || !config.device_stages.empty(), device);
  admit({device, files, config.host_stages.size(), config.device_stages.size()});
  if (shape_.owner && !owner) {
    std::string name;
    std::tie(owner, name) = open_owner(device, shape_.finish_threads);
    stats_.update([&](RunStats& stats) { stats.owner.device_name = name; });
  }
  stats_.update([&](RunStats& stats) {
    stats.device = device;
    stats.placement = shape_.placement;
    stats.slot_bytes = shape_.slot_bytes;
    stats.slots_per_worker = stats.slots_least = shape_.slots_per_worker;
    stats.arena_bytes = shape_.arena_bytes;
    stats.items_before = stats.items_done = items_before_;
    stats.rows = rows_;
  });
  handover_ = std::make_shared<Handover>(grid_, options_.order);
  results_ = make_results();
  FlowParts parts;
  parts.shape = shape_;
  parts.options = options_;
  parts.brief = {
      options_.prepare,
      options_.decode,
      std::move(config.host_stages),
      options_.attempts,
      {options_.item_timeout.value_or(limits::worker_silence), options_.item_memory_bytes.value_or(0)}};
  parts.device_stages = std::move(config.device_stages);
  parts.sampler = std::move(sampler);
  parts.grid = grid_;
  parts.items_before = items_before_;
  parts.owner = std::move(owner);
  parts.results = results_;
  flow_ = std::make_unique<Flow>(std::move(parts), *handover_, stats_);
  flow_->start();
  if (!shape_.owner) assembler_ = std::make_unique<Assembler>(shape_, options_, *handover_, *flow_, stats_);
}

Coordinator::~Coordinator() = default;

std::unique_ptr<OwnerLink> Coordinator::choose_device(bool has_work, Device& device) {
  if (options_.device == DeviceChoice::cpu) return nullptr;
  if (!has_work && options_.device == DeviceChoice::automatic) return nullptr;
  std::string why;
  try {
    if (!cuda_module_available(&why)) throw Error(ErrorCode::no_device, why);
    device = {DeviceKind::cuda, options_.device_ordinal};
    std::pair<std::unique_ptr<OwnerLink>, std::string> opened = open_owner(device, 1U);
    stats_.update([&](RunStats& stats) { stats.owner.device_name = opened.second; });
    return std::move(opened.first);
  } catch (const Error& error) {
    if (options_.device == DeviceChoice::cuda) throw;
    notes_.push_back(fmt::format("no CUDA device, using the cpu: {}", error.what()));
    device = Device{};
    return nullptr;
  }
}

void Coordinator::admit(const RunParts& parts) {
  const Machine machine = Machine::read();
  RunFit fit = fit_run(options_, parts, machine);
  for (const ResourceNeed& need : fit.needs) forebay::admit(need);
  if (!fit.note.empty()) notes_.push_back(std::move(fit.note));
  shape_ = fit.shape;
  raise_descriptor_limit(descriptors_wanted(shape_, machine));
}

std::vector<std::shared_ptr<SealedMemory>> Coordinator::make_results() const {
  std::vector<std::shared_ptr<SealedMemory>> results;
  for (std::uint32_t i = 0; i < shape_.results; ++i) {
    results.push_back(std::make_shared<SealedMemory>(
        SealedMemory::create("forebay-result", options_.batch * shape_.row_bytes)));
  }
  return results;
}

std::optional<Batch> Coordinator::next() {
  if (ended_) return std::nullopt;
  const WaitBoard::Entry wait(stats_.waits(), WaitBoard::caller, "the next batch");
  std::optional<Batch> batch = assembler_ ? assembler_->next() : next_of_owner();
  if (batch && !batch->items().empty()) {
    account(*batch);
    return batch;
  }
  end();
  return std::nullopt;
}

std::optional<Batch> Coordinator::next_of_owner() {
  const bool in_order = options_.order == Order::index;
  if (last_owner_batch_) {
    handover_->await_end();  // the source may have failed behind it
    return std::nullopt;
  }
  std::optional<BatchResult> result =
      handover_->next_result(in_order ? std::optional(next_owner_batch_) : std::nullopt);
  if (!result) return std::nullopt;
  ++next_owner_batch_;
  // A batch that lacks items is the plan's last, or was cut by stop(): what follows it would leave a gap.
  last_owner_batch_ = in_order && result->items.size() < grid_.size(result->batch);
  const std::shared_ptr<SealedMemory> memory = results_[result->result];
  auto buffer = std::make_shared<BatchBuffer>(
      memory->bytes(),
      [handover = handover_, memory, number = result->result] { handover->release_result(number); });
  std::int64_t rows = 0;
  for (const ItemRecord& record : result->items) rows += record.ok() ? 1 : 0;
  const std::int64_t crop = options_.prepare.crop;
  TensorView view;
  if (rows > 0) {
    const bool planar = options_.finish.layout == Layout::nchw;
    const std::array<std::int64_t, 4> shape{rows, planar ? 3 : crop, crop, planar ? crop : 3};
    view = contiguous_view(memory->bytes().data(), options_.finish.dtype, shape);
  }
  return Batch(result->batch, view, std::move(result->items), std::move(buffer));
}

void Coordinator::account(Batch& batch) {
  for (ItemRecord& record : batch.items_for_numbering()) {
    if (record.ok()) record.row = rows_++;
    if (!record.ok() && options_.on_error == OnError::fail && !failure_) failure_ = record;
  }
  if (first_batch_s_ == 0) first_batch_s_ = seconds_since(started_);
  stats_.update([&](RunStats& stats) {
    stats.first_batch_s = first_batch_s_;
    stats.rows = rows_;
    stats.items_done += batch.items().size();
    for (const ItemRecord& record : batch.items()) {
      stats.warnings += record.warnings;
      if (!record.ok()) ++stats.errors[std::string(to_string(record.error))];
    }
  });
  if (failure_) flow_->stop();
}

void Coordinator::end() {
  ended_ = true;
  const RunStats so_far = stats_.snapshot();
  const bool complete = so_far.plan_complete && so_far.items_done >= so_far.items_planned;
  interrupted_.store(stop_asked_.load() && !complete && !failure_);
  flow_->stop();
  flow_->join();  // so that no process is left when the caller sees the end
  stats_.update([&](RunStats& stats) { stats.seconds = seconds_since(started_); });
}

void Coordinator::stop() noexcept {
  stop_asked_.store(true);
  flow_->stop();
}

void Coordinator::kill() noexcept {
  stop_asked_.store(true);
  flow_->kill();
}

RunStats Coordinator::stats() const {
  RunStats stats = stats_.snapshot();
  if (stats.seconds == 0) stats.seconds = seconds_since(started_);
  return stats;
}

}  // namespace forebay
