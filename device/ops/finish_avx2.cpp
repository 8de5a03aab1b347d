#include "device/ops/finish_paths.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#include <bit>
#include <vector>

namespace forebay::paths {
namespace {

struct Channel {
  __m256 mean;
  __m256 std;
  __m256 reciprocal;
};

/// `numerator` / `divisor`, correctly rounded for the values that arithmetic_matches() has checked.
__m256 divide(__m256 numerator, __m256 divisor, __m256 reciprocal) {
  const __m256 quotient = _mm256_mul_ps(numerator, reciprocal);
  const __m256 remainder = _mm256_fnmadd_ps(quotient, divisor, numerator);
  return _mm256_fmadd_ps(remainder, reciprocal, quotient);
}

__m256 normalise(__m128i bytes, const Channel& channel) {
  const __m256 value = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
  const __m256 scaled = divide(value, _mm256_set1_ps(255.0F), _mm256_set1_ps(1.0F / 255.0F));
  return divide(_mm256_sub_ps(scaled, channel.mean), channel.std, channel.reciprocal);
}

Channel channel_of(const FinishOptions& options, std::size_t number) {
  return {_mm256_set1_ps(options.mean[number]), _mm256_set1_ps(options.std[number]),
          _mm256_set1_ps(1.0F / options.std[number])};
}

/// Eight values of one channel from 24 bytes of eight pixels, given as two overlapping 16-byte loads (bytes 0 and 8 on).
__m128i gather_channel(__m128i first, __m128i second, std::size_t channel) {
  // Pixels 0..4 lie in the first load (bytes 0..15 hold 5 whole ones), 5..7 in the second, 8 bytes further on.
  alignas(16) static constexpr std::int8_t from_first[3][16] = {
      {0, 3, 6, 9, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
      {1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
      {2, 5, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}};
  alignas(16) static constexpr std::int8_t from_second[3][16] = {
      {-1, -1, -1, -1, -1, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1},
      {-1, -1, -1, -1, -1, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1},
      {-1, -1, -1, -1, -1, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1}};
  const auto load = [](const std::int8_t* select) {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(select));
  };
  return _mm_or_si128(_mm_shuffle_epi8(first, load(from_first[channel])),
                      _mm_shuffle_epi8(second, load(from_second[channel])));
}

}  // namespace

void finish_f32_planar_avx2(const FinishOptions& options, const std::uint8_t* pixels, float* out) noexcept {
  const std::size_t count = std::size_t{options.height} * options.width;
  if (count == 0) return;
  const Channel channels[3] = {channel_of(options, 0), channel_of(options, 1), channel_of(options, 2)};
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const std::uint8_t* at = pixels + i * 3;
    const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 8));
    for (std::size_t channel = 0; channel < 3; ++channel) {
      _mm256_storeu_ps(out + channel * count + i, normalise(gather_channel(first, second, channel), channels[channel]));
    }
  }
  for (; i < count; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const __m256 value = normalise(_mm_cvtsi32_si128(pixels[i * 3 + channel]), channels[channel]);
      out[channel * count + i] = _mm256_cvtss_f32(value);
    }
  }
}

bool arithmetic_matches(const FinishOptions& options, const FinishTable& table) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return false;
  std::vector<std::uint8_t> pixels(std::size_t{256} * 3);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i / 3);
  std::vector<float> values(pixels.size());
  FinishOptions all = options;
  all.height = 1;
  all.width = 256;
  finish_f32_planar_avx2(all, pixels.data(), values.data());
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t value = 0; value < 256; ++value) {
      if (std::bit_cast<std::uint32_t>(values[channel * 256 + value]) != table.bits[channel][value]) return false;
    }
  }
  return true;
}

}  // namespace forebay::paths
#else
namespace forebay::paths {
bool arithmetic_matches(const FinishOptions& /*options*/, const FinishTable& /*table*/) { return false; }
void finish_f32_planar_avx2(const FinishOptions& /*options*/, const std::uint8_t* /*pixels*/, float* /*out*/) noexcept {}
}  // namespace forebay::paths
#endif
