// A host stage: your own function, run by the workers over every prepared picture. No registration is needed:
// a plain function or a captureless lambda finds its way across exec by itself.
#include <cstdint>
#include <cstdio>
#include <stdexcept>

#include "forebay/forebay.h"

namespace {

/// Keeps every channel's brightest quarter: works in place, on u8 [224, 224, 3] in the slot.
void posterise(forebay::Item& item) {
  auto* pixels = static_cast<std::uint8_t*>(item.tensor().data);
  for (std::size_t i = 0; i < item.tensor().bytes(); ++i)
    pixels[i] = static_cast<std::uint8_t>(pixels[i] & 0xC0U);
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  auto pipeline = forebay::PipelineBuilder::pictures({argc > 1 ? argv[1] : "photos"})
                      .dtype(forebay::DType::u8)
                      .layout(forebay::Layout::nhwc)
                      .host_stage(posterise)
                      .host_stage([](forebay::Item& item) {
                        // What a stage throws fails this item only: it becomes a record, the run goes on.
                        if (item.index() % 10 == 9)
                          throw std::runtime_error("every tenth picture is refused");
                      })
                      .start();
  unsigned long long rows = 0;
  unsigned long long failed = 0;
  for (const forebay::Batch& batch : pipeline) {
    rows += batch.rows();
    const auto* pixels = static_cast<const std::uint8_t*>(batch.tensor().data);
    for (std::size_t i = 0; i < batch.tensor().bytes() && batch.rows() > 0; ++i) {
      if ((pixels[i] & 0x3FU) != 0) return 1;  // the stage has run over every byte
    }
    for (const forebay::ItemRecord& item : batch.items()) {
      if (item.ok()) continue;
      ++failed;
      std::printf("%s: %s\n", item.path.c_str(), item.message.c_str());
    }
  }
  std::printf("%llu posterised, %llu refused\n", rows, failed);
}
