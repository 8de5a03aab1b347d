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

float value_at(DType dtype, const std::byte* row, std::size_t index) noexcept {
  switch (dtype) {
    case DType::f32: return load<float>(row + index * 4);
    case DType::f16: return half_to_float(load<std::uint16_t>(row + index * 2));
    case DType::bf16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(row + index * 2)) << 16U);
    default: return 0;
  }
}

/// NaN (a device stage may make one) becomes black.
std::uint8_t level_of(float value) noexcept {
  return value > 0 ? static_cast<std::uint8_t>(std::min(value * 255.0F + 0.5F, 255.0F)) : std::uint8_t{0};
}

}  // namespace

void denormalise_row(const FinishOptions& finish, const std::byte* row, std::span<std::uint8_t> out) {
  const std::size_t pixels = std::size_t{finish.height} * finish.width;
  expect(out.size() == pixels * 3, "room for every pixel");
  const bool planar = finish.layout == Layout::nchw;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const float mean = finish.mean[channel];
    const float deviation = finish.std[channel];
    for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
      const std::size_t index = planar ? channel * pixels + pixel : pixel * 3 + channel;
      out[pixel * 3 + channel] = finish.dtype == DType::u8
                                     ? std::to_integer<std::uint8_t>(row[index])
                                     : level_of(value_at(finish.dtype, row, index) * deviation + mean);
    }
  }
}

}  // namespace forebay
