#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "device/dtype.h"
#include "device/ops/filter.h"
#include "device/ops/finish.h"
#include "device/ops/prepare.h"
#include "device/tensor_view.h"
#include "host/limits.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/source/sampler.h"

namespace forebay {

/// Where the operators before the last one run. automatic: in the owner for cuda, else in the workers.
enum class Placement : std::uint8_t { automatic = 0, worker = 1, owner = 2 };

/// skip: a bad item is recorded and left out. fail: the run stops in order at the first one, in item order.
enum class OnError : std::uint8_t { skip = 0, fail = 1 };

/// index: batches in the order of their items. completion: as they become ready; items within one in order.
enum class Order : std::uint8_t { index = 0, completion = 1 };

/// Which device is asked for. automatic: the first CUDA device if there is one, else the cpu.
enum class DeviceChoice : std::uint8_t { automatic = 0, cpu = 1, cuda = 2 };

/// Everything that decides what a pipeline does. Plain values; the defaults are what feeds a ResNet.
struct PipelineOptions {
  PrepareOptions prepare;  ///< resize, crop, filter, augment, seed
  DecodeOptions decode;
  FinishOptions finish;      ///< dtype, layout, mean, std; height and width follow prepare.crop
  std::uint32_t batch = 64;  ///< items of one batch, 1 .. limits::batch_items_max
  std::optional<std::uint32_t>
      workers;  ///< none: usable_cores(); 0: one worker thread in this process (debugging)
  DeviceChoice device = DeviceChoice::automatic;
  std::int32_t device_ordinal = 0;
  Placement placement = Placement::automatic;
  OnError on_error = OnError::skip;
  Order order = Order::index;
  std::optional<std::uint64_t> limit;  ///< at most so many items, over all epochs
  std::uint32_t epochs = 1;            ///< times through the source; the first is prepare.epoch
  bool shuffle = false;                ///< another order in each epoch, keyed by prepare.seed and epoch
  std::uint32_t shard = 0;             ///< take entries number shard, shard + shards, … only
  std::uint32_t shards = 1;
  LastBatch last_batch = LastBatch::partial;
  std::optional<std::uint64_t> slot_bytes;  ///< payload of one slot; none: from the largest expected item
  std::optional<std::uint32_t> slots;       ///< slots per worker; none: chosen from batch and placement
  /// Attempts at an item that ends its worker, or the device's, or exceeds its limits; then it is
  /// quarantined.
  std::uint32_t attempts = limits::item_attempts;
  std::optional<std::chrono::milliseconds> item_timeout;  ///< of one attempt; none: limits::worker_silence
  std::optional<std::uint64_t> item_memory_bytes;         ///< beyond what its worker has; none: no limit
  /// All memory of the run; none: what the machine and its cgroups leave. `workers` and `slots` that are not
  /// given become fewer to stay within either.
  std::optional<std::uint64_t> memory_bytes;
  std::uint32_t batches_held =
      2;  ///< Batch objects that the caller keeps alive at a time (one more is built)
};

/// What these options say about the order of items.
[[nodiscard]] Sampling sampling_of(const PipelineOptions& options);

}  // namespace forebay
