#pragma once

#include <cuda_runtime_api.h>

#include <utility>

#include "device/cuda/cuda_check.h"
#include "device/cuda/stream.h"

namespace forebay::cuda {

/// Owns an event without timing, whose waiter sleeps. Move-only; empty after a move.
class Event {
 public:
  Event() {
    check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming | cudaEventBlockingSync),
          "cannot create an event");
  }
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    if (event_ != nullptr) check_noexcept(cudaEventDestroy(event_), "cannot destroy an event");
  }

  /// Marks this point of the stream. Does not synchronise.
  void record(StreamRef stream) { check(cudaEventRecord(event_, stream.get()), "cannot record an event"); }
  /// Whether the point has been passed. Does not synchronise.
  [[nodiscard]] bool is_done() const {
    const cudaError_t state = cudaEventQuery(event_);
    if (state == cudaErrorNotReady) return false;
    check_event(state, "the device failed before an event");
    return true;
  }
  /// Blocks until the point has been passed: the one synchronisation of this folder.
  void wait() const { check_event(cudaEventSynchronize(event_), "the device failed before an event"); }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace forebay::cuda
