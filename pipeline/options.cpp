#include "pipeline/options.h"

namespace forebay {

Sampling sampling_of(const PipelineOptions& options) {
  Sampling sampling;
  sampling.epochs = options.epochs;
  sampling.first_epoch = options.prepare.epoch;
  sampling.shuffle = options.shuffle;
  sampling.seed = options.prepare.seed;
  sampling.shard = options.shard;
  sampling.shards = options.shards;
  sampling.last_batch = options.last_batch;
  sampling.batch = options.batch;
  sampling.limit = options.limit;
  return sampling;
}

}  // namespace forebay
