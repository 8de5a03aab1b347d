#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace forebay {

/// The memory behind a batch. What happens when the last owner lets go is the maker's choice: back to a pool,
/// or a result slot back to the owner.
class BatchBuffer {
 public:
  BatchBuffer(std::span<std::byte> bytes, std::function<void()> let_go) noexcept
      : bytes_(bytes), let_go_(std::move(let_go)) {}
  BatchBuffer(const BatchBuffer&) = delete;
  BatchBuffer& operator=(const BatchBuffer&) = delete;
  ~BatchBuffer() { let_go_(); }

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<std::byte> bytes_;
  std::function<void()> let_go_;
};

/// Private batch memory, made on first use and used again: at most `buffers_max` at a time. Thread-safe; the
/// memory outlives the pool as long as a buffer is held.
class BatchPool : public std::enable_shared_from_this<BatchPool> {
 public:
  explicit BatchPool(std::uint32_t buffers_max) : buffers_max_(buffers_max) {}

  /// A buffer of at least `bytes`, uninitialised. Blocks while all are held, at most limits::batch_wait: then
  /// throws Error(timeout) naming the remedy. Throws Error(no_memory).
  [[nodiscard]] std::shared_ptr<BatchBuffer> take(std::size_t bytes);

 private:
  struct FreeAligned {
    void operator()(std::byte* memory) const noexcept;
  };
  struct Piece {
    std::unique_ptr<std::byte, FreeAligned> memory;
    std::size_t bytes = 0;
  };
  void give_back(Piece piece) noexcept;

  const std::uint32_t buffers_max_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<Piece> free_;
  std::uint32_t held_ = 0;
};

}  // namespace forebay
