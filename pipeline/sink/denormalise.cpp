#include "pipeline/sink/denormalise.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "host/contract.h"

namespace forebay {
namespace {

template <typename T>
T load(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

/// IEEE binary16 to binary32; exact.
float half_to_float(std::uint16_t half) noexcept {
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const std::uint32_t exponent = (half >> 10U) & 0x1FU;
  const std::uint32_t fraction = half & 0x3FFU;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide_exponent = exponent == 0x1F ? 0xFFU : exponent + 112;
  return std::bit_cast<float>(sign | (wide_exponent << 23U) | (fraction << 13U));
}

template <DType Type>
float value_at(const std::byte* row, std::size_t index) noexcept {
  if constexpr (Type == DType::f32) return load<float>(row + index * 4);
  const auto bits = load<std::uint16_t>(row + index * 2);
  if constexpr (Type == DType::f16) return half_to_float(bits);
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);  // bf16
}

/// NaN (a device stage may make one) becomes black.
std::uint8_t level_of(float value) noexcept {
  return value > 0 ? static_cast<std::uint8_t>(std::min(value * 255.0F + 0.5F, 255.0F)) : std::uint8_t{0};
}

/// Calls `level(index, channel)` for the 8-bit value of every element and puts it where it belongs.
template <typename Level>
void fill(const FinishOptions& finish, std::span<std::uint8_t> out, Level level) {
  const std::size_t pixels = std::size_t{finish.height} * finish.width;
  const bool planar = finish.layout == Layout::nchw;
  const std::size_t channel_step = planar ? pixels : 1;
  const std::size_t pixel_step = planar ? 1 : 3;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
      out[pixel * 3 + channel] = level(channel * channel_step + pixel * pixel_step, channel);
    }
  }
}

template <DType Type>
void fill_from_floats(const FinishOptions& finish, const std::byte* row, std::span<std::uint8_t> out) {
  fill(finish, out, [&](std::size_t index, std::size_t channel) {
    return level_of(value_at<Type>(row, index) * finish.std[channel] + finish.mean[channel]);
  });
}

}  // namespace

void denormalise_row(const FinishOptions& finish, const std::byte* row, std::span<std::uint8_t> out) {
  expect(out.size() == std::size_t{finish.height} * finish.width * 3, "room for every pixel");
  switch (finish.dtype) {
    case DType::f32: return fill_from_floats<DType::f32>(finish, row, out);
    case DType::f16: return fill_from_floats<DType::f16>(finish, row, out);
    case DType::bf16: return fill_from_floats<DType::bf16>(finish, row, out);
    case DType::u8:
      return fill(finish, out,
                  [row](std::size_t i, std::size_t) { return std::to_integer<std::uint8_t>(row[i]); });
    default: expect(false, "a type that pictures are delivered in");
  }
}

}  // namespace forebay
