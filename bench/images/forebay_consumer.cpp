// The benchmark's caller: takes every batch through the C++ API and reads it, one value of every cache line,
// as the DataLoader's counterpart does. Prints one line of JSON.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "forebay/forebay.h"
#include "host/process/process_info.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::vector<std::string> sources;
  std::uint32_t epochs = 1;
  std::uint32_t workers = 2;
  std::uint32_t batch = 64;
  std::string device = "cpu";
  std::string placement = "auto";
  bool first_only = false;
};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// What a consumer does at least: each cache line comes into a core once.
double read_batch(const forebay::TensorView& tensor) {
  constexpr std::size_t line_floats = 64 / sizeof(float);
  const auto* values = static_cast<const float*>(tensor.data);
  const auto count = static_cast<std::size_t>(tensor.elements());
  double sum = 0;
  for (std::size_t i = 0; i < count; i += line_floats) sum += static_cast<double>(values[i]);
  return sum;
}

forebay::PipelineOptions pipeline_options(const Options& options) {
  forebay::PipelineOptions chosen;
  chosen.workers = options.workers;
  chosen.batch = options.batch;
  chosen.device = options.device == "cuda" ? forebay::DeviceChoice::cuda : forebay::DeviceChoice::cpu;
  if (options.placement == "worker") chosen.placement = forebay::Placement::worker;
  if (options.placement == "owner") chosen.placement = forebay::Placement::owner;
  return chosen;
}

void consume(const Options& options) {
  std::vector<std::string> sources;
  for (std::uint32_t epoch = 0; epoch < options.epochs; ++epoch) {
    sources.insert(sources.end(), options.sources.begin(), options.sources.end());
  }
  const auto begin = Clock::now();
  auto builder = forebay::PipelineBuilder::pictures(sources);
  builder.options(pipeline_options(options));
  forebay::Pipeline pipeline = builder.start();
  std::uint64_t pictures = 0;
  std::uint64_t first_pictures = 0;
  double first_batch_s = 0;
  double sum = 0;
  for (const forebay::Batch& batch : pipeline) {
    if (pictures == 0) {
      first_batch_s = seconds_since(begin);
      first_pictures = batch.rows();
    }
    pictures += batch.rows();
    if (batch.tensor().device.kind == forebay::DeviceKind::cpu) sum += read_batch(batch.tensor());
    if (options.first_only) break;
  }
  const double seconds = seconds_since(begin);
  const double steady_s = seconds - first_batch_s;
  std::uint64_t worker_rss_bytes = 0;
  for (const auto& worker : pipeline.stats().workers) {
    worker_rss_bytes =
        std::max({worker_rss_bytes, worker.peak_rss_bytes, forebay::peak_rss_bytes(worker.pid).value_or(0)});
  }
  std::printf(
      "{\"pictures\": %llu, \"seconds\": %.6f, \"first_batch_s\": %.6f, \"steady_per_s\": %.2f, \"sum\": "
      "%.6g, "
      "\"worker_rss_bytes\": %llu}\n",
      static_cast<unsigned long long>(pictures), seconds, first_batch_s,
      steady_s > 0 ? static_cast<double>(pictures - first_pictures) / steady_s : 0.0, sum,
      static_cast<unsigned long long>(worker_rss_bytes));
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  CLI::App app("Reads every batch of a pipeline and says how fast they came.");
  Options options;
  app.add_option("sources", options.sources, "files, folders or @lists")->required();
  app.add_option("--epochs", options.epochs, "passes over the sources, in one run");
  app.add_option("--workers", options.workers, "worker processes");
  app.add_option("--batch", options.batch, "items of a batch");
  app.add_option("--device", options.device, "cpu or cuda")->check(CLI::IsMember({"cpu", "cuda"}));
  app.add_option("--placement", options.placement, "of the operators")
      ->check(CLI::IsMember({"auto", "worker", "owner"}));
  app.add_flag("--first", options.first_only, "stop after the first batch");
  CLI11_PARSE(app, argc, argv);
  try {
    consume(options);
  } catch (const forebay::Error& error) {
    std::cerr << "forebay_consumer: " << error.what() << '\n';
    return 3;
  }
  return 0;
}
