// A folder of pictures becomes batches of tensors, through spawned workers: the whole program.
#include <cstdio>

#include "forebay/forebay.h"

int main(int argc, char** argv) {
  forebay::init(argc, argv);  // first statement: a spawned worker never gets past it
  auto pipeline = forebay::PipelineBuilder::pictures({argc > 1 ? argv[1] : "photos"})
                      .resize(256)
                      .crop(224)
                      .batch(64)
                      .start();
  for (const forebay::Batch& batch : pipeline) {
    const auto* first = static_cast<const float*>(batch.tensor().data);  // f32 [rows, 3, 224, 224]
    std::printf(
        "batch %llu: %llu rows, first value %.3f\n", static_cast<unsigned long long>(batch.sequence()),
        static_cast<unsigned long long>(batch.rows()), batch.rows() > 0 ? static_cast<double>(*first) : 0.0);
  }
}
