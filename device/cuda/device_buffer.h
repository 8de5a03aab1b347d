#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <span>
#include <utility>

#include "device/cuda/cuda_check.h"
#include "device/cuda/stream.h"

namespace forebay::cuda {

/// Device memory in the order of one stream: taken, used and given back there, so that growing it never waits
/// for the device. Move-only; no copy, because a copy would need a stream. Contents are undefined until
/// written.
class DeviceBuffer {
 public:
  explicit DeviceBuffer(StreamRef stream) noexcept : stream_(stream) {}
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : stream_(other.stream_),
        memory_(std::exchange(other.memory_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&&) = delete;
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer() { release(); }

  /// Makes room for `bytes`; what was in it is lost if it grows. Does not synchronise. Throws BackendError.
  void reserve(std::size_t bytes) {
    if (bytes <= bytes_) return;
    release();
    check(cudaMallocAsync(&memory_, bytes, stream_.get()),
          "cannot allocate device memory; lower --batch or --slot-mb");
    bytes_ = bytes;
  }
  /// Enqueues the upload of page-locked host memory, one copy. Does not synchronise.
  void upload(std::span<const std::byte> host) {
    reserve(host.size());
    check(cudaMemcpyAsync(memory_, host.data(), host.size(), cudaMemcpyHostToDevice, stream_.get()),
          "cannot upload");
  }
  /// Enqueues the download to page-locked host memory, one copy. Does not synchronise.
  void download(std::span<std::byte> host) const {
    check(cudaMemcpyAsync(host.data(), memory_, host.size(), cudaMemcpyDeviceToHost, stream_.get()),
          "cannot download");
  }
  /// Gives the memory back in the order of the stream. Does not synchronise.
  void release() noexcept {
    if (memory_ != nullptr)
      check_noexcept(cudaFreeAsync(memory_, stream_.get()), "cannot free device memory");
    memory_ = nullptr;
    bytes_ = 0;
  }
  template <typename T = std::byte>
  [[nodiscard]] T* data() const noexcept {
    return static_cast<T*>(memory_);
  }

 private:
  StreamRef stream_;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace forebay::cuda
