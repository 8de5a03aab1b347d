#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <map>
#include <span>

#include "device/cuda/cuda_check.h"

namespace forebay::cuda {

/// The host memory that this process has page-locked, each range once for its whole life. Unregistered at
/// destruction.
class PinnedRanges {
 public:
  PinnedRanges() noexcept = default;
  PinnedRanges(const PinnedRanges&) = delete;
  PinnedRanges& operator=(const PinnedRanges&) = delete;
  ~PinnedRanges() {
    for (const auto& [begin, bytes] : ranges_) unregister(begin);
  }

  /// Blocks while the driver walks the pages. Throws BackendError.
  void add(std::span<std::byte> range) {
    check(cudaHostRegister(range.data(), range.size(), cudaHostRegisterPortable), "cannot page-lock memory");
    ranges_[range.data()] = range.size();
  }
  void remove(std::span<std::byte> range) noexcept {
    if (ranges_.erase(range.data()) != 0) unregister(range.data());
  }
  [[nodiscard]] bool covers(const std::byte* begin, std::size_t bytes) const noexcept {
    auto found = ranges_.upper_bound(const_cast<std::byte*>(begin));
    if (found == ranges_.begin()) return false;
    --found;
    const auto offset = static_cast<std::size_t>(begin - found->first);
    return offset <= found->second && bytes <= found->second - offset;
  }

 private:
  static void unregister(std::byte* begin) noexcept {
    check_noexcept(cudaHostUnregister(begin), "cannot release memory");
  }
  std::map<std::byte*, std::size_t> ranges_;
};

/// Page-locked host memory of our own, for the few bytes that do not come from a slot.
class PinnedMemory {
 public:
  explicit PinnedMemory(std::size_t bytes) : bytes_(bytes) {
    check(cudaMallocHost(&memory_, bytes), "cannot allocate page-locked memory");
  }
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  ~PinnedMemory() { check_noexcept(cudaFreeHost(memory_), "cannot free page-locked memory"); }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    return {static_cast<std::byte*>(memory_), bytes_};
  }

 private:
  void* memory_ = nullptr;
  std::size_t bytes_;
};

}  // namespace forebay::cuda
