// A project of its own that uses an installed Forebay: pictures and a range, each through a host stage of its
// own.
#include <forebay/forebay.h>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

/// Its value is recognisable in every row: 1 where the stage ran over all of the picture.
void whiten(forebay::Item& item) { std::memset(item.tensor().data, 255, item.tensor().bytes()); }

int pictures(const char* folder) {
  auto pipeline = forebay::PipelineBuilder::pictures({folder})
                      .resize(64)
                      .crop(48)
                      .dtype(forebay::DType::u8)
                      .workers(2)
                      .host_stage(whiten)
                      .start();
  unsigned long long rows = 0;
  bool white = true;
  for (const forebay::Batch& batch : pipeline) {
    const auto* bytes = static_cast<const std::uint8_t*>(batch.tensor().data);
    for (std::size_t i = 0; i < batch.tensor().bytes(); ++i) white = white && bytes[i] == 255;
    rows += batch.rows();
  }
  std::printf("%llu pictures, %s\n", rows, white ? "all white" : "not all white");
  return white ? 0 : 1;
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
  numbers();
  return pictures(argc > 1 ? argv[1] : ".");
}
