// A project of its own that uses an installed Forebay.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <forebay/forebay.h>

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  auto pipeline = forebay::PipelineBuilder::range(1000)
                      .batch(64)
                      .workers(2)
                      .host_stage([](forebay::Item& item) {
                        const auto value = static_cast<std::int64_t>(item.index());
                        std::memcpy(item.emplace(forebay::DType::i64, {1}).data, &value, sizeof(value));
                      })
                      .start();
  long long items = 0;
  long long sum = 0;
  for (const forebay::Batch& batch : pipeline) {
    const auto* values = static_cast<const std::int64_t*>(batch.tensor().data);
    for (std::uint64_t row = 0; row < batch.rows(); ++row) sum += values[row];
    items += static_cast<long long>(batch.rows());
  }
  std::printf("%lld items, sum %lld\n", items, sum);
}
