// A project of its own that uses an installed Forebay: pictures and a range, each through a host stage of its
// own, and pictures through a device stage that its own module exports.
#include <forebay/forebay.h>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

/// Its value is recognisable in every row: 1 where the stage ran over all of the picture.
void whiten(forebay::Item& item) { std::memset(item.tensor().data, 255, item.tensor().bytes()); }

int pictures(const char* folder, const char* module) {
  auto builder = forebay::PipelineBuilder::pictures({folder});
  builder.resize(64).crop(48).dtype(forebay::DType::u8).workers(2).host_stage(whiten);
  if (module != nullptr) builder.device_stage("Blacken", module);
  const int expected = module != nullptr ? 0 : 255;
  auto pipeline = builder.start();
  unsigned long long rows = 0;
  bool as_expected = true;
  for (const forebay::Batch& batch : pipeline) {
    const auto* bytes = static_cast<const std::uint8_t*>(batch.tensor().data);
    for (std::size_t i = 0; i < batch.tensor().bytes(); ++i)
      as_expected = as_expected && bytes[i] == expected;
    rows += batch.rows();
  }
  std::printf("%llu pictures, %sall %d\n", rows, as_expected ? "" : "not ", expected);
  return as_expected ? 0 : 1;
}

void numbers() {
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

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  if (argc != 3) return 2;
  numbers();
  return pictures(argv[1], nullptr) + pictures(argv[1], argv[2]);
}
