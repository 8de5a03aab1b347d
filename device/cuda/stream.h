#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <utility>

#include "device/cuda/cuda_check.h"

namespace forebay::cuda {

/// A stream of the current device that somebody else owns. Pass by value. There is no default stream to get
/// by accident.
class StreamRef {
 public:
  explicit StreamRef(cudaStream_t stream) noexcept : stream_(stream) {}
  StreamRef(int) = delete;
  StreamRef(std::nullptr_t) = delete;
  [[nodiscard]] cudaStream_t get() const noexcept { return stream_; }

 private:
  cudaStream_t stream_;
};

/// Owns a non-blocking stream. Move-only; empty after a move. Destruction does not synchronise.
class Stream {
 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cannot create a stream"); }
  Stream(Stream&& other) noexcept : stream_(std::exchange(other.stream_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(stream_, other.stream_);
    return *this;
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (stream_ != nullptr) check_noexcept(cudaStreamDestroy(stream_), "cannot destroy a stream");
  }
  [[nodiscard]] StreamRef ref() const noexcept { return StreamRef(stream_); }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace forebay::cuda
