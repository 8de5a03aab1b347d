#include "device/ops/finish.h"

#include <bit>
#include <cstring>

#include "device/ops/finish_paths.h"

namespace forebay {
namespace {

/// f32 to f16, round to nearest even; values, infinities and subnormals as IEEE 754 asks (mean and std are
/// finite).
std::uint32_t to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16U & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return sign | 0x7E00U;
  if (magnitude >= 0x477FF000U) return sign | 0x7C00U;  // rounds to 65536 or more: infinity
  if (magnitude < 0x38800000U) {
    // Subnormal in f16: adding 0.5 aligns the last f16 bit with the last bit of the float, rounded by the
    // FPU.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return sign | (std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5F));
  }
  const std::uint32_t odd = magnitude >> 13U & 1U;
  return sign | ((magnitude - 0x38000000U + 0xFFFU + odd) >> 13U);
}

/// f32 to bf16, round to nearest even.
std::uint32_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return bits >> 16U | 0x40U;
  return (bits + 0x7FFFU + (bits >> 16U & 1U)) >> 16U;
}

template <typename T>
void look_up(const FinishOptions& options, const FinishTable& table, const std::uint8_t* pixels,
             const paths::PixelRange& range, std::byte* out) {
  auto* const values = reinterpret_cast<T*>(out);
  const bool planar = options.layout == Layout::nchw;
  const std::size_t step = planar ? 1 : 3;
  const std::size_t plane = planar ? range.plane : 1;
  for (std::size_t i = 0; i < range.count; ++i, pixels += 3) {
    values[i * step] = static_cast<T>(table.bits[0][pixels[0]]);
    values[i * step + plane] = static_cast<T>(table.bits[1][pixels[1]]);
    values[i * step + 2 * plane] = static_cast<T>(table.bits[2][pixels[2]]);
  }
}

}  // namespace

FinishTable::FinishTable(const FinishOptions& options) : bits{} {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::uint32_t value = 0; value < 256; ++value) {
      const float scaled = static_cast<float>(value) / 255.0F;
      const float centred = scaled - options.mean[channel];
      const float normalised = centred / options.std[channel];
      std::uint32_t word = 0;
      switch (options.dtype) {
        case DType::f16: word = to_f16(normalised); break;
        case DType::bf16: word = to_bf16(normalised); break;
        case DType::f32: word = std::bit_cast<std::uint32_t>(normalised); break;
        default: word = value; break;
      }
      bits[channel][value] = word;
    }
  }
  arithmetic_is_exact = options.dtype != DType::u8 && paths::arithmetic_matches(options, *this);
}

namespace paths {

void finish_by_table(const FinishOptions& options, const FinishTable& table, const std::uint8_t* pixels,
                     const PixelRange& range, std::byte* out) noexcept {
  switch (size_of(options.dtype)) {
    case 1: return look_up<std::uint8_t>(options, table, pixels, range, out);
    case 2: return look_up<std::uint16_t>(options, table, pixels, range, out);
    default: return look_up<std::uint32_t>(options, table, pixels, range, out);
  }
}

}  // namespace paths

void finish_part(const FinishOptions& options, const FinishTable& table, const std::uint8_t* pixels,
                 std::size_t first, std::size_t count, std::byte* out) noexcept {
  const std::size_t step = options.layout == Layout::nchw ? 1 : 3;
  const paths::PixelRange range{count, std::size_t{options.height} * options.width};
  pixels += first * 3;
  out += first * step * size_of(options.dtype);
  if (options.dtype == DType::u8 && options.layout == Layout::nhwc) {
    // The identity: the row's assembly is all that is left of the last operator.
    std::memcpy(out, pixels, count * 3);
  } else if (options.dtype == DType::u8 && paths::has_vectors()) {
    paths::split_planes_avx2(pixels, range, reinterpret_cast<std::uint8_t*>(out));
  } else if (table.arithmetic_is_exact) {
    paths::finish_avx2(options, pixels, range, out);
  } else {
    paths::finish_by_table(options, table, pixels, range, out);
  }
}

void finish_row(const FinishOptions& options, const FinishTable& table, const std::uint8_t* pixels,
                std::byte* out) noexcept {
  finish_part(options, table, pixels, 0, std::size_t{options.height} * options.width, out);
}

}  // namespace forebay
