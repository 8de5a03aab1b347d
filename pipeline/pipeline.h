#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/process/function.h"
#include "pipeline/batch.h"
#include "pipeline/done_items.h"
#include "pipeline/item.h"
#include "pipeline/options.h"
#include "pipeline/run_stats.h"
#include "pipeline/source/source.h"

namespace forebay {

class Coordinator;

/// A user's device stage: the type's name and the module that exports it (path without suffix).
struct DeviceStage {
  std::string name;
  std::string module;
};

/// Everything that a pipeline is made of. Filled by PipelineBuilder or directly.
struct PipelineConfig {
  std::unique_ptr<Source> source;
  PipelineOptions options;
  std::vector<FunctionId> host_stages;     ///< of type HostStage, run in this order in the workers
  std::vector<DeviceStage> device_stages;  ///< run in this order in the owner, over the finished batch
  DoneItems done;                          ///< left out: an earlier run has delivered them
};

/// A running pipeline: spawned workers, an owner where the plan needs one, and batches to take. Move-only.
/// The constructor starts everything and returns without waiting for the first batch. Destruction stops all
/// processes (limits::child_stop, then SIGKILL) and reaps them. next() is for one thread; stop(), kill() and
/// stats() may be called from any thread.
class Pipeline {
 public:
  /// Raises the process's soft limit on open files, as far as the run needs it. Throws Error: usage (options
  /// that make no sense), no_device, no_memory and environment (what the machine has does not do, see
  /// fit_run()), spawn.
  explicit Pipeline(PipelineConfig config);
  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline();

  /// The next batch; nothing at the end of the sources, after stop(), or after the first bad item under
  /// OnError::fail (see failure()). Blocks; runs the last operator in the calling thread where there is no
  /// owner. Throws Error: peer_died (restart budget spent), protocol, io, device.
  [[nodiscard]] std::optional<Batch> next();

  /// Asks the run to end: the batch in the making is delivered as far as it is finished, none is begun after
  /// it. Never blocks.
  void stop() noexcept;
  /// SIGKILLs every process of the run at once. Never blocks; the pipeline is of no further use.
  void kill() noexcept;

  [[nodiscard]] RunStats stats() const;
  /// The bad item that ended the run under OnError::fail.
  [[nodiscard]] const std::optional<ItemRecord>& failure() const noexcept;
  /// True if stop() ended the run before the end of the sources.
  [[nodiscard]] bool interrupted() const noexcept;
  /// Notes of general interest, such as "no CUDA device: using cpu (reason)". Complete after construction.
  [[nodiscard]] const std::vector<std::string>& notes() const noexcept;

  /// Range-for over the batches: each is valid until the loop moves on (or longer, if moved out).
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = Batch;
    explicit Iterator(Pipeline& pipeline) : pipeline_(&pipeline), batch_(pipeline.next()) {}
    [[nodiscard]] Batch& operator*() const noexcept { return *batch_; }
    Iterator& operator++() {
      batch_.reset();  // gives the buffer back before the next batch needs one
      batch_ = pipeline_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept { return !batch_.has_value(); }

   private:
    Pipeline* pipeline_;
    mutable std::optional<Batch> batch_;
  };
  [[nodiscard]] Iterator begin() { return Iterator(*this); }
  [[nodiscard]] static std::default_sentinel_t end() noexcept { return std::default_sentinel; }

 private:
  std::unique_ptr<Coordinator> coordinator_;
};

/// Builds a Pipeline in a few chained calls: see samples/.
class PipelineBuilder {
 public:
  /// Files, folders and @lists, as on the command line. Throws Error(usage) where one does not exist.
  [[nodiscard]] static PipelineBuilder pictures(const std::vector<std::string>& sources);
  /// `count` items that host stages fill: each makes a tensor with Item::emplace.
  [[nodiscard]] static PipelineBuilder range(std::uint64_t count);

  PipelineBuilder& options(const PipelineOptions& options);
  PipelineBuilder& resize(std::uint32_t pixels);
  PipelineBuilder& crop(std::uint32_t pixels);
  PipelineBuilder& batch(std::uint32_t items);
  PipelineBuilder& workers(std::uint32_t count);
  PipelineBuilder& dtype(DType dtype);
  PipelineBuilder& layout(Layout layout);
  PipelineBuilder& seed(std::uint64_t seed);
  PipelineBuilder& device(DeviceChoice choice, std::int32_t ordinal = 0);

  /// A function that the workers run over every item after it is prepared: a plain function or a captureless
  /// callable taking forebay::Item&. It crosses to the workers without registration.
  template <typename F>
  PipelineBuilder& host_stage(const F& stage) {
    if constexpr (std::is_convertible_v<F, HostStage> && !Transportable<F>) {
      return host_stage_at(reinterpret_cast<const void*>(static_cast<HostStage>(stage)));
    } else {
      return host_stage_at(reinterpret_cast<const void*>(trampoline_of<F, void, Item&>(stage)));
    }
  }

  /// A named functor that `module` (built by the CMake function forebay_device_module) exports with
  /// FOREBAY_DEVICE_STAGE. The owner runs it over every finished batch, in place.
  PipelineBuilder& device_stage(std::string_view name, std::string_view module);

  /// Starts the pipeline. The builder is spent.
  [[nodiscard]] Pipeline start();

 private:
  PipelineBuilder& host_stage_at(const void* address);
  PipelineConfig config_;
};

}  // namespace forebay
