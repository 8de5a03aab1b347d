#include "pipeline/pipeline.h"

#include <utility>

#include "host/error.h"
#include "pipeline/coordinator.h"

namespace forebay {

Pipeline::Pipeline(PipelineConfig config) : coordinator_(std::make_unique<Coordinator>(std::move(config))) {}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;
Pipeline::~Pipeline() = default;

std::optional<Batch> Pipeline::next() { return coordinator_->next(); }
void Pipeline::stop() noexcept { coordinator_->stop(); }
void Pipeline::kill() noexcept { coordinator_->kill(); }
RunStats Pipeline::stats() const { return coordinator_->stats(); }
const std::optional<ItemRecord>& Pipeline::failure() const noexcept { return coordinator_->failure(); }
bool Pipeline::interrupted() const noexcept { return coordinator_->interrupted(); }
const std::vector<std::string>& Pipeline::notes() const noexcept { return coordinator_->notes(); }

PipelineBuilder PipelineBuilder::pictures(const std::vector<std::string>& sources) {
  PipelineBuilder builder;
  builder.config_.source = open_sources(sources);
  return builder;
}

PipelineBuilder PipelineBuilder::range(std::uint64_t count) {
  PipelineBuilder builder;
  builder.config_.source = make_range_source(count);
  return builder;
}

PipelineBuilder& PipelineBuilder::options(const PipelineOptions& options) {
  config_.options = options;
  return *this;
}

PipelineBuilder& PipelineBuilder::resize(std::uint32_t pixels) {
  config_.options.prepare.resize = pixels;
  return *this;
}

PipelineBuilder& PipelineBuilder::crop(std::uint32_t pixels) {
  config_.options.prepare.crop = pixels;
  return *this;
}

PipelineBuilder& PipelineBuilder::batch(std::uint32_t items) {
  config_.options.batch = items;
  return *this;
}

PipelineBuilder& PipelineBuilder::workers(std::uint32_t count) {
  config_.options.workers = count;
  return *this;
}

PipelineBuilder& PipelineBuilder::dtype(DType dtype) {
  config_.options.finish.dtype = dtype;
  return *this;
}

PipelineBuilder& PipelineBuilder::layout(Layout layout) {
  config_.options.finish.layout = layout;
  return *this;
}

PipelineBuilder& PipelineBuilder::seed(std::uint64_t seed) {
  config_.options.prepare.seed = seed;
  return *this;
}

PipelineBuilder& PipelineBuilder::device(DeviceChoice choice, std::int32_t ordinal) {
  config_.options.device = choice;
  config_.options.device_ordinal = ordinal;
  return *this;
}

PipelineBuilder& PipelineBuilder::host_stage_at(const void* address) {
  config_.host_stages.push_back(function_id_of(address));
  return *this;
}

PipelineBuilder& PipelineBuilder::device_stage(std::string_view name, std::string_view module) {
  config_.device_stages.push_back({std::string(name), std::string(module)});
  return *this;
}

Pipeline PipelineBuilder::start() {
  if (!config_.source) throw Error(ErrorCode::usage, "this builder has started its pipeline already");
  return Pipeline(std::move(config_));
}

}  // namespace forebay
