// What the operators cost on one core, per picture of 400 x 350 that becomes 224 x 224.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "bench/ops/picture.h"
#include "device/ops/finish.h"
#include "device/ops/resample_passes.h"

namespace forebay {
namespace {

constexpr std::uint32_t width = 400;
constexpr std::uint32_t height = 350;

PrepareOptions options_of(Filter filter) {
  PrepareOptions options;
  options.filter = filter;
  return options;
}

void tables(benchmark::State& state) {
  const auto filter = static_cast<Filter>(state.range(0));
  const PrepareOptions options = options_of(filter);
  Picture picture(width, height, options);
  for (auto _ : state) {
    picture.plan = plan_prepare(options, 0, width, height);
    picture.fill_tables();
    benchmark::ClobberMemory();
  }
  state.SetLabel(std::string(to_string(filter)));
}
BENCHMARK(tables)->DenseRange(0, 4);

void resample_picture(benchmark::State& state) {
  const auto filter = static_cast<Filter>(state.range(0));
  Picture picture(width, height, options_of(filter));
  for (auto _ : state) {
    resample(picture.view(), picture.horizontal, picture.vertical, picture.out.data());
    benchmark::ClobberMemory();
  }
  state.SetLabel(std::string(to_string(filter)));
}
BENCHMARK(resample_picture)->DenseRange(0, 4);

/// The same without vectors of our own: what a processor without AVX2 takes.
void resample_plain(benchmark::State& state) {
  const auto filter = static_cast<Filter>(state.range(0));
  Picture picture(width, height, options_of(filter));
  const std::size_t row_bytes = std::size_t{picture.horizontal.outputs} * rgb_bytes;
  std::vector<std::uint8_t> between(row_bytes * picture.view().height);
  for (auto _ : state) {
    passes::horizontal_plain(picture.view(), picture.horizontal, between.data());
    passes::vertical_plain(between.data(), picture.view().height, row_bytes, picture.vertical,
                           picture.out.data());
    benchmark::ClobberMemory();
  }
  state.SetLabel(std::string(to_string(filter)));
}
BENCHMARK(resample_plain)->DenseRange(1, 4);

/// A crop whose edge is odd: no pairs of outputs without a rest.
void resample_odd(benchmark::State& state) {
  PrepareOptions options = options_of(Filter::bilinear);
  options.crop = 225;
  Picture picture(width, height, options);
  for (auto _ : state) {
    resample(picture.view(), picture.horizontal, picture.vertical, picture.out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(resample_odd);

/// Rows of a batch of 64 one after the other, as delivery writes them: the batch is larger than the caches.
constexpr std::size_t batch = 64;

void finish(benchmark::State& state) {
  FinishOptions options;
  options.dtype = static_cast<DType>(state.range(0));
  options.layout = static_cast<Layout>(state.range(1));
  const FinishTable table(options);
  const std::size_t row_bytes = finished_row_bytes(options);
  const std::vector<std::uint8_t> pixels(std::size_t{options.width} * options.height * rgb_bytes, 77);
  std::vector<std::byte> rows(row_bytes * batch);
  std::size_t row = 0;
  for (auto _ : state) {
    finish_row(options, table, pixels.data(), rows.data() + row * row_bytes);
    row = (row + 1) % batch;
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(row_bytes));
  state.SetLabel(std::string(to_string(options.dtype)) + " " + std::string(to_string(options.layout)));
}
BENCHMARK(finish)->ArgsProduct({{0, 1, 2, 3}, {0, 1}});

/// The floor of the last operator: as many bytes written, none computed.
void finish_floor(benchmark::State& state) {
  const std::size_t row_bytes = finished_row_bytes(FinishOptions{});
  std::vector<std::byte> rows(row_bytes * batch);
  std::size_t row = 0;
  for (auto _ : state) {
    std::memset(rows.data() + row * row_bytes, 1, row_bytes);
    row = (row + 1) % batch;
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(row_bytes));
}
BENCHMARK(finish_floor);

}  // namespace
}  // namespace forebay
