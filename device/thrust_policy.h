#pragma once

#include "device/device_stage.h"

/// For device stages: the execution policy of Thrust that fits the module that is being compiled. Include it
/// in stage modules only: no Thrust type may cross into another image.
#if defined(__CUDACC__)
#include <thrust/system/cuda/execution_policy.h>
#else
#include <thrust/system/tbb/execution_policy.h>
#endif

namespace forebay {

/// `thrust::for_each(forebay::thrust_policy(stream), …)` runs on the batch's stream on cuda without
/// synchronising, and on TBB on the cpu.
#if defined(__CUDACC__)
inline auto thrust_policy(StreamView stream) {
  return thrust::cuda::par_nosync.on(static_cast<cudaStream_t>(stream.native));
}
#else
inline auto thrust_policy(StreamView /*stream*/) { return thrust::tbb::par; }
#endif

}  // namespace forebay
