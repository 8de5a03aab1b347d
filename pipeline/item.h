#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "device/tensor_view.h"

namespace forebay {

/// What a host stage sees of one item, in the worker: its place in the run and its payload in the slot. For
/// pictures that is the prepared picture, u8 [crop, crop, 3]. Valid during the call only.
class Item {
 public:
  Item(std::uint64_t index, std::uint64_t epoch, std::uint64_t seed, TensorView tensor,
       std::span<std::byte> room) noexcept
      : index_(index), epoch_(epoch), seed_(seed), tensor_(tensor), room_(room) {}

  /// Number of its entry in the source, from 0, whatever shuffle or shards make of the order.
  [[nodiscard]] std::uint64_t index() const noexcept { return index_; }
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  /// The run's seed: with index() and epoch() the key of reproducible randomness, whatever worker runs the
  /// item.
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  /// The payload so far, writable in place; rank 0 and no data for an item of a range source before
  /// emplace().
  [[nodiscard]] const TensorView& tensor() const noexcept { return tensor_; }

  /// Gives the item a tensor of this type and shape, uninitialised, at its place in the slot, and returns it.
  /// The former payload is lost. Items of one batch must end up with equal types and shapes. Throws
  /// ItemFailure(too_large) naming both sizes where it does not fit the slot.
  TensorView emplace(DType dtype, std::initializer_list<std::int64_t> shape);

 private:
  std::uint64_t index_;
  std::uint64_t epoch_;
  std::uint64_t seed_;
  TensorView tensor_;
  std::span<std::byte> room_;
};

/// A host stage: a plain function. What it throws fails the item (stage_failed), not the run.
using HostStage = void (*)(Item&);

}  // namespace forebay
