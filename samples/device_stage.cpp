// A device stage in a pipeline: the owner loads its module and calls it with every batch. Runs on the cpu, or
// on a GPU with the argument "cuda". Only the owner maps the module: workers and this process never do.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "forebay/forebay.h"

namespace {

std::vector<std::uint8_t> run(const char* photos, const char* module, forebay::DeviceChoice device) {
  auto builder = forebay::PipelineBuilder::pictures({photos});
  builder.dtype(forebay::DType::u8).device(device);
  if (module != nullptr) builder.device_stage("Invert", module);
  auto pipeline = builder.start();
  std::vector<std::uint8_t> all;
  for (const forebay::Batch& batch : pipeline) {
    const auto* bytes = static_cast<const std::uint8_t*>(batch.tensor().data);
    all.insert(all.end(), bytes, bytes + batch.tensor().bytes());
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  forebay::init(argc, argv);
  if (argc < 3) {
    std::fprintf(stderr, "usage: device_stage PHOTOS MODULE [cuda]   (MODULE without its suffix)\n");
    return 2;
  }
  const bool cuda = argc > 3 && std::strcmp(argv[3], "cuda") == 0;
  const auto device = cuda ? forebay::DeviceChoice::cuda : forebay::DeviceChoice::cpu;
  try {
    const std::vector<std::uint8_t> plain = run(argv[1], nullptr, forebay::DeviceChoice::cpu);
    const std::vector<std::uint8_t> inverted = run(argv[1], argv[2], device);
    if (plain.size() != inverted.size()) return 1;
    for (std::size_t i = 0; i < plain.size(); ++i) {
      if (plain[i] + inverted[i] != 255) return 1;
    }
    std::printf("%zu bytes inverted on %s\n", inverted.size(), cuda ? "cuda" : "the cpu");
  } catch (const forebay::Error& error) {
    std::fprintf(stderr, "device_stage: %s\n", error.what());
    return 3;
  }
}
