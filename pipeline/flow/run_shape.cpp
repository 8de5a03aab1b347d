#include "pipeline/flow/run_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "device/ops/image_view.h"
#include "host/error.h"
#include "host/limits.h"
#include "host/process/cpu_count.h"

namespace forebay {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20U;

/// Owner placement: what a slot should hold of regions. Crops of photos up to 2 megapixels fit; larger ones
/// are prepared in the worker, counted as worker_fallbacks.
constexpr std::uint64_t region_slot_bytes = 4 * mib;

/// Range sources: host stages decide the size, so this is only a start.
constexpr std::uint64_t range_slot_bytes = mib;

/// A chunk should be worth a wake-up (tens of microseconds): small items go in bulk.
constexpr std::uint64_t chunk_bytes_min = mib / 4;

/// More pictures per chunk gain nothing (10 ms of work) and cost memory in every slot.
constexpr std::uint32_t chunk_pictures_max = 16;

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

Placement placement_of(const PipelineOptions& options, const Device& device, bool files,
                       std::size_t host_stages) {
  const bool in_worker_only = host_stages > 0 || !files;
  if (in_worker_only && options.placement == Placement::owner) {
    throw Error(ErrorCode::usage,
                "placement owner cannot be combined with host stages, which need the prepared picture in the "
                "worker; use placement worker or auto");
  }
  if (options.placement != Placement::automatic) return options.placement;
  return device.kind == DeviceKind::cuda && !in_worker_only ? Placement::owner : Placement::worker;
}

/// Items of a chunk: both workers of a pair get a share of every batch early, small items go in bulk, and
/// chunks of one batch are about equal.
std::uint32_t chunk_items_of(const PipelineOptions& options, std::uint32_t workers, std::uint64_t item_bytes,
                             std::uint64_t slot_bytes) {
  const std::uint64_t fair = divide_up(options.batch, std::uint64_t{2} * workers);
  const std::uint64_t bulk = divide_up(chunk_bytes_min, item_bytes);
  std::uint64_t items = std::max<std::uint64_t>(bulk, std::min<std::uint64_t>(fair, chunk_pictures_max));
  items = std::min<std::uint64_t>(
      {items, chunk_items_max, options.batch, std::max<std::uint64_t>(1, slot_bytes / item_bytes)});
  const std::uint64_t chunks = divide_up(options.batch, items);
  return static_cast<std::uint32_t>(divide_up(options.batch, chunks));
}

}  // namespace

void check_options(const PipelineOptions& options) {
  constexpr std::uint32_t edge_max = 16384;  // a row of f32 is then 3 GiB; more is a typo
  const auto require = [](bool holds, const std::string& message) {
    if (!holds) throw Error(ErrorCode::usage, message);
  };
  require(options.batch >= 1 && options.batch <= limits::batch_items_max,
          fmt::format("batch {} is outside 1..{}", options.batch, limits::batch_items_max));
  require(options.prepare.resize >= 1 && options.prepare.resize <= edge_max,
          fmt::format("resize {} is outside 1..{} pixels", options.prepare.resize, edge_max));
  require(options.prepare.crop >= 1 && options.prepare.crop <= edge_max,
          fmt::format("crop {} is outside 1..{} pixels", options.prepare.crop, edge_max));
  require(options.workers.value_or(1) <= limits::workers_max,
          fmt::format("{} workers are more than the limit of {}", options.workers.value_or(1),
                      limits::workers_max));
  require(!options.slots || (*options.slots >= 2 && *options.slots <= limits::slots_per_worker_max),
          fmt::format("slots {} is outside 2..{} per worker", options.slots.value_or(0),
                      limits::slots_per_worker_max));
  require(options.attempts >= 1 && options.attempts <= limits::item_attempts_max,
          fmt::format("attempts {} is outside 1..{}", options.attempts, limits::item_attempts_max));
  require(!options.item_timeout || (*options.item_timeout >= limits::item_timeout_min &&
                                    *options.item_timeout <= limits::item_timeout_max),
          fmt::format("an item time limit of {} ms is outside {} ms..{} s",
                      options.item_timeout.value_or(std::chrono::milliseconds(0)).count(),
                      limits::item_timeout_min.count(), limits::item_timeout_max.count()));
  require(!options.item_memory_bytes || (*options.item_memory_bytes >= mib &&
                                         *options.item_memory_bytes <= limits::item_memory_mb_max * mib),
          fmt::format("an item memory limit of {} bytes is outside 1 MiB..{} MiB",
                      options.item_memory_bytes.value_or(0), limits::item_memory_mb_max));
  require(options.epochs >= 1, "0 epochs: nothing would be done; run at least 1");
  require(options.shards >= 1, "0 shards: nothing would be done; 1 is the whole source");
  require(options.shard < options.shards, fmt::format("there is no shard {} of {}: they count from 0 to {}",
                                                      options.shard, options.shards, options.shards - 1));
  require(options.batches_held >= 1 && options.batches_held <= 64, "batches_held is outside 1..64");
  const DType dtype = options.finish.dtype;
  require(dtype == DType::u8 || dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f32,
          fmt::format("pictures cannot be delivered as {}; use u8, f16, bf16 or f32", to_string(dtype)));
  for (const float deviation : options.finish.std) {
    require(deviation > 0.0F && std::isfinite(deviation), "every std must be finite and greater than 0");
  }
  for (const float mean : options.finish.mean) require(std::isfinite(mean), "every mean must be finite");
}

RunShape shape_of(const PipelineOptions& options, const Device& device, bool files, std::size_t host_stages,
                  std::size_t device_stages, unsigned cores) {
  RunShape shape;
  shape.device = device;
  shape.files = files;
  shape.inline_worker = options.workers == 0U;
  if (cores == 0) cores = usable_cores();
  shape.workers = std::clamp<std::uint32_t>(options.workers.value_or(cores), 1, limits::workers_max);
  shape.finish_threads = std::max(1U, cores > shape.workers ? cores - shape.workers : 1U);
  shape.placement = placement_of(options, device, files, host_stages);
  shape.owner = device.kind == DeviceKind::cuda || device_stages > 0 || shape.placement == Placement::owner;

  const std::uint64_t crop = options.prepare.crop;
  const std::uint64_t prepared = align_payload(crop * crop * rgb_bytes);
  shape.row_bytes = files ? crop * crop * 3 * size_of(options.finish.dtype) : 0;
  const std::uint64_t item_bytes = files ? prepared : 1;
  if (options.slot_bytes) {
    shape.slot_bytes = *options.slot_bytes;
  } else if (!files) {
    shape.slot_bytes = range_slot_bytes;
  } else {
    const std::uint32_t items = chunk_items_of(options, shape.workers, prepared, limits::slot_bytes_max);
    shape.slot_bytes = std::max<std::uint64_t>(items * prepared, page_bytes);
    if (shape.placement == Placement::owner) shape.slot_bytes = std::max(shape.slot_bytes, region_slot_bytes);
  }
  if (shape.slot_bytes < prepared && files) {
    throw Error(
        ErrorCode::usage,
        fmt::format("a prepared picture of {0}x{0} takes {1} bytes, but a slot holds {2}; raise --slot-mb to "
                    "{3:.2f} or lower --crop",
                    crop, crop * crop * rgb_bytes, shape.slot_bytes,
                    static_cast<double>(prepared) / static_cast<double>(mib) + 0.005));
  }
  if (shape.slot_bytes > limits::slot_bytes_max || shape.slot_bytes < page_bytes) {
    throw Error(ErrorCode::usage, fmt::format("a slot of {} bytes is outside {}..{}; change --slot-mb",
                                              shape.slot_bytes, page_bytes, limits::slot_bytes_max));
  }
  shape.chunk_items = chunk_items_of(options, shape.workers, item_bytes, shape.slot_bytes);
  // Filling and waiting (the credits), and as many again ready: a worker never waits for a delivery of one
  // batch.
  // With an owner again as many: what it has read is kept until its batch is done, for the case that it dies.
  shape.slots_per_worker = options.slots.value_or(limits::worker_credits * (shape.owner ? 3 : 2));
  shape.results = shape.owner ? options.batches_held + Backend::lanes_max : 0;
  const std::uint64_t buffers = shape.owner ? shape.results : options.batches_held + 1;
  shape.buffer_bytes = buffers * options.batch * shape.row_bytes;
  shape.arena_bytes = shape.workers * shape.strip_layout().bytes() + shape.buffer_bytes;
  return shape;
}

}  // namespace forebay
