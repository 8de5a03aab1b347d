#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace forebay {

/// Reusable private memory of one worker: grows to what an item needs, is never initialised, and gives a
/// large item's memory back afterwards. One thread.
class Scratch {
 public:
  /// At least `bytes`; the contents are undefined. Throws std::bad_alloc.
  [[nodiscard]] std::span<std::byte> reserve(std::size_t bytes) {
    if (bytes > size_) {
      memory_.reset();
      size_ = 0;
      memory_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
      size_ = bytes;
    }
    return {memory_.get(), bytes};
  }

  /// Gives memory above `keep_bytes` back: one huge picture must not stay in every worker's footprint.
  void trim(std::size_t keep_bytes) noexcept {
    if (size_ <= keep_bytes) return;
    memory_.reset();
    size_ = 0;
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_ = 0;
};

}  // namespace forebay
