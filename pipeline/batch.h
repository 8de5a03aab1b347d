#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "device/tensor_view.h"
#include "pipeline/item_record.h"

namespace forebay {

/// The buffer behind a batch: returns itself to its pool when the last owner lets go.
class BatchBuffer;

/// One delivered batch: a tensor of the rows that succeeded, compact and in item order, and a record of every
/// item that was planned for it, failed ones included. Move-only; its memory is valid until it is destroyed,
/// also after the Pipeline is gone. Not thread-safe, but may be moved to another thread.
class Batch {
 public:
  Batch() noexcept;
  Batch(std::uint64_t sequence, TensorView tensor, std::vector<ItemRecord> items,
        std::shared_ptr<BatchBuffer> buffer) noexcept;
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch();

  /// Position of the batch in the plan, from 0. In completion order batches arrive in another order.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  /// Shape [rows, 3, crop, crop] or [rows, crop, crop, 3]; rows may be 0 where every item failed.
  [[nodiscard]] const TensorView& tensor() const noexcept { return tensor_; }
  [[nodiscard]] std::uint64_t rows() const noexcept {
    return tensor_.rank == 0 ? 0 : static_cast<std::uint64_t>(tensor_.shape[0]);
  }
  /// Every planned item in item order.
  [[nodiscard]] std::span<const ItemRecord> items() const noexcept { return items_; }

  /// For the coordinator, which numbers the rows at delivery.
  [[nodiscard]] std::span<ItemRecord> items_for_numbering() noexcept { return items_; }

 private:
  std::uint64_t sequence_ = 0;
  TensorView tensor_;
  std::vector<ItemRecord> items_;
  std::shared_ptr<BatchBuffer> buffer_;
};

}  // namespace forebay
