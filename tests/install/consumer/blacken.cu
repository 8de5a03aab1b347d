// A device stage of a project of its own: every byte of the batch becomes 0.
#include <thrust/fill.h>

#include <cstdint>

#include "device/thrust_policy.h"

struct Blacken {
  void operator()(const forebay::DeviceBatch& batch, forebay::StreamView stream) const {
    auto* bytes = static_cast<std::uint8_t*>(batch.rows.data);
    thrust::fill(forebay::thrust_policy(stream), bytes, bytes + batch.rows.bytes(), std::uint8_t{0});
  }
};

FOREBAY_DEVICE_STAGE(Blacken);
