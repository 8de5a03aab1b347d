// A device stage: runs in the owner over every finished batch, on the device that the batch is on. This one
// file becomes two modules: one for the cpu (Thrust on TBB) and, where nvcc is, one for CUDA.
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>

#include <cstdint>
#include <stdexcept>

#include "device/ops/portable.h"
#include "device/thrust_policy.h"

namespace {

struct InvertByte {
  std::uint8_t* bytes;
  FOREBAY_HD void operator()(std::int64_t i) const { bytes[i] = static_cast<std::uint8_t>(255 - bytes[i]); }
};

}  // namespace

/// Turns u8 pictures into their negatives.
struct Invert {
  void operator()(const forebay::DeviceBatch& batch, forebay::StreamView stream) const {
    if (batch.rows.dtype != forebay::DType::u8)
      throw std::runtime_error("Invert takes u8 batches; use dtype u8");
    thrust::for_each_n(forebay::thrust_policy(stream), thrust::counting_iterator<std::int64_t>(0),
                       batch.rows.elements(), InvertByte{static_cast<std::uint8_t*>(batch.rows.data)});
  }
};

FOREBAY_DEVICE_STAGE(Invert);
