#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "device/dtype.h"

namespace forebay {

/// Where a tensor's bytes lie.
enum class DeviceKind : std::uint8_t { cpu = 0, cuda = 1 };

struct Device {
  DeviceKind kind = DeviceKind::cpu;
  std::int32_t ordinal = 0;
  friend bool operator==(const Device&, const Device&) = default;
};

/// Most dimensions of a tensor or item. Eight as in DLPack consumers and KServe clients.
inline constexpr std::size_t tensor_rank_max = 8;

/// A tensor that somebody else owns: pointer, element type, shape and strides.
/// Trivially copyable; pass it by value. Strides are in *elements*, as in DLPack.
struct TensorView {
  void* data = nullptr;  ///< device pointer where device.kind is cuda, else host memory
  DType dtype = DType::u8;
  Device device;
  std::uint8_t rank = 0;
  std::array<std::int64_t, tensor_rank_max> shape{};
  std::array<std::int64_t, tensor_rank_max> strides{};

  [[nodiscard]] std::span<const std::int64_t> dims() const noexcept { return {shape.data(), rank}; }
  [[nodiscard]] std::int64_t elements() const noexcept {
    std::int64_t product = 1;
    for (const std::int64_t dim : dims()) product *= dim;
    return product;
  }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(elements()) * size_of(dtype);
  }
};

/// Sets shape and C-order strides.
[[nodiscard]] inline TensorView contiguous_view(void* data, DType dtype, std::span<const std::int64_t> shape,
                                                Device device = {}) noexcept {
  TensorView view{data, dtype, device, static_cast<std::uint8_t>(shape.size()), {}, {}};
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    view.shape[i] = shape[i];
    view.strides[i] = stride;
    stride *= shape[i];
  }
  return view;
}

}  // namespace forebay
