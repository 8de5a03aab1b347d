#include "pipeline/batch_buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdlib>
#include <utility>

#include "host/error.h"
#include "host/limits.h"

namespace forebay {
namespace {

/// One huge page: large batches then take few page faults.
constexpr std::size_t huge_page_bytes = std::size_t{2} << 20U;

std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

void BatchPool::FreeAligned::operator()(std::byte* memory) const noexcept { std::free(memory); }

std::shared_ptr<BatchBuffer> BatchPool::take(std::size_t bytes) {
  Piece piece;
  {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, limits::batch_wait, [this] { return held_ < buffers_max_; })) {
      throw Error(
          ErrorCode::timeout,
          fmt::format("all {} batch buffers have been held for {} min; let batches go, or raise batches_held",
                      buffers_max_, limits::batch_wait.count()));
    }
    ++held_;
    if (!free_.empty()) {
      piece = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (piece.bytes < bytes) {
    const std::size_t unit = bytes < huge_page_bytes ? limits::payload_alignment : huge_page_bytes;
    piece.bytes = round_up(bytes, unit);
    piece.memory.reset(static_cast<std::byte*>(std::aligned_alloc(unit, piece.bytes)));
    if (!piece.memory) {
      give_back({});
      throw Error(ErrorCode::no_memory,
                  fmt::format("cannot allocate a batch of {} bytes; lower --batch or --crop", bytes));
    }
    // Advice: where it is refused, pages are small.
    if (unit == huge_page_bytes) static_cast<void>(::madvise(piece.memory.get(), piece.bytes, MADV_HUGEPAGE));
  }
  const std::span<std::byte> span(piece.memory.get(), piece.bytes);
  // std::function wants a copyable callable, so the move-only piece rides in a shared_ptr.
  auto held = std::make_shared<Piece>(std::move(piece));
  return std::make_shared<BatchBuffer>(
      span, [pool = shared_from_this(), held = std::move(held)] { pool->give_back(std::move(*held)); });
}

void BatchPool::give_back(Piece piece) noexcept {
  const std::scoped_lock lock(mutex_);
  --held_;
  if (piece.memory) free_.push_back(std::move(piece));
  freed_.notify_one();
}

}  // namespace forebay
