#include "device/ops/finish_paths.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <cpuid.h>
#include <immintrin.h>

#include <array>
#include <vector>

namespace forebay::paths {
namespace {

constexpr std::size_t lanes = 8;

/// What eight neighbouring values are normalised with.
struct Constants {
  __m256 mean;
  __m256 std;
  __m256 reciprocal;
};

/// The constants of eight values, of which value `i` belongs to channel (first + i * step) % 3.
Constants constants_of(const FinishOptions& options, std::size_t first, std::size_t step) {
  std::array<float, lanes> mean{};
  std::array<float, lanes> std{};
  std::array<float, lanes> reciprocal{};
  for (std::size_t i = 0; i < lanes; ++i) {
    const std::size_t channel = (first + i * step) % 3;
    mean[i] = options.mean[channel];
    std[i] = options.std[channel];
    reciprocal[i] = 1.0F / options.std[channel];
  }
  return {_mm256_loadu_ps(mean.data()), _mm256_loadu_ps(std.data()), _mm256_loadu_ps(reciprocal.data())};
}

/// `numerator` / `divisor`, correctly rounded for the values that arithmetic_matches() has checked.
__m256 divide(__m256 numerator, __m256 divisor, __m256 reciprocal) {
  const __m256 quotient = _mm256_mul_ps(numerator, reciprocal);
  const __m256 remainder = _mm256_fnmadd_ps(quotient, divisor, numerator);
  return _mm256_fmadd_ps(remainder, reciprocal, quotient);
}

__m256 normalise(__m128i bytes, const Constants& constants) {
  const __m256 value = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
  const __m256 scaled = divide(value, _mm256_set1_ps(255.0F), _mm256_set1_ps(1.0F / 255.0F));
  return divide(_mm256_sub_ps(scaled, constants.mean), constants.std, constants.reciprocal);
}

/// How eight normalised values become eight values of the row; one() writes the first of them only.
struct AsF32 {
  using Value = float;
  static void eight(Value* to, __m256 values) { _mm256_storeu_ps(to, values); }
  static void one(Value* to, __m256 values) { *to = _mm256_cvtss_f32(values); }
};

struct AsF16 {
  using Value = std::uint16_t;
  static __m128i rounded(__m256 values) { return _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT); }
  static void eight(Value* to, __m256 values) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), rounded(values));
  }
  static void one(Value* to, __m256 values) { *to = static_cast<Value>(_mm_cvtsi128_si32(rounded(values))); }
};

struct AsBf16 {
  using Value = std::uint16_t;
  static __m128i rounded(__m256 values) {
    const __m256i bits = _mm256_castps_si256(values);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i sum = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
    const __m256i high = _mm256_srli_epi32(sum, 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
  }
  static void eight(Value* to, __m256 values) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), rounded(values));
  }
  static void one(Value* to, __m256 values) { *to = static_cast<Value>(_mm_cvtsi128_si32(rounded(values))); }
};

__m128i load_sixteen(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }

/// Eight values of one channel from 24 bytes of eight pixels, given as two overlapping loads (bytes 0 and 8
/// on).
__m128i gather_channel(__m128i first, __m128i second, std::size_t channel) {
  // Pixels 0..4 lie in the first load (bytes 0..15 hold 5 whole ones), 5..7 in the second, 8 bytes further
  // on.
  alignas(16) static constexpr std::int8_t from_first[3][16] = {
      {0, 3, 6, 9, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
      {1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
      {2, 5, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}};
  alignas(16) static constexpr std::int8_t from_second[3][16] = {
      {-1, -1, -1, -1, -1, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1},
      {-1, -1, -1, -1, -1, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1},
      {-1, -1, -1, -1, -1, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1}};
  return _mm_or_si128(_mm_shuffle_epi8(first, load_sixteen(from_first[channel])),
                      _mm_shuffle_epi8(second, load_sixteen(from_second[channel])));
}

template <typename As>
void planar(const FinishOptions& options, const std::uint8_t* pixels, const PixelRange& range,
            typename As::Value* out) {
  const std::size_t count = range.count;
  const std::array<Constants, 3> constants{constants_of(options, 0, 0), constants_of(options, 1, 0),
                                           constants_of(options, 2, 0)};
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const __m128i first = load_sixteen(pixels + i * 3);
    const __m128i second = load_sixteen(pixels + i * 3 + 8);
    for (std::size_t channel = 0; channel < 3; ++channel) {
      As::eight(out + channel * range.plane + i,
                normalise(gather_channel(first, second, channel), constants[channel]));
    }
  }
  for (; i < count; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      As::one(out + channel * range.plane + i,
              normalise(_mm_cvtsi32_si128(pixels[i * 3 + channel]), constants[channel]));
    }
  }
}

template <typename As>
void interleaved(const FinishOptions& options, const std::uint8_t* pixels, const PixelRange& range,
                 typename As::Value* out) {
  const std::size_t count = range.count * 3;
  // Three vectors of eight values hold eight pixels: the channels repeat from there.
  const std::array<Constants, 3> constants{constants_of(options, 0, 1), constants_of(options, lanes, 1),
                                           constants_of(options, 2 * lanes, 1)};
  std::size_t i = 0;
  for (; i + 3 * lanes <= count; i += 3 * lanes) {
    for (std::size_t k = 0; k < 3; ++k) {
      const std::size_t at = i + k * lanes;
      As::eight(out + at,
                normalise(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(pixels + at)), constants[k]));
    }
  }
  for (; i < count; ++i) {
    As::one(out + i, normalise(_mm_cvtsi32_si128(pixels[i]), constants_of(options, i % 3, 0)));
  }
}

template <typename As>
void finish_as(const FinishOptions& options, const std::uint8_t* pixels, const PixelRange& range,
               std::byte* out) {
  auto* const values = reinterpret_cast<typename As::Value*>(out);
  if (options.layout == Layout::nchw) {
    planar<As>(options, pixels, range, values);
  } else {
    interleaved<As>(options, pixels, range, values);
  }
}

}  // namespace

namespace {

bool ask_processor() noexcept {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  // Not every compiler's __builtin_cpu_supports knows F16C.
  const bool has_f16c = __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c;
}

}  // namespace

bool has_vectors() noexcept {
  static const bool has = ask_processor();
  return has;
}

void finish_avx2(const FinishOptions& options, const std::uint8_t* pixels, const PixelRange& range,
                 std::byte* out) noexcept {
  switch (options.dtype) {
    case DType::f16: return finish_as<AsF16>(options, pixels, range, out);
    case DType::bf16: return finish_as<AsBf16>(options, pixels, range, out);
    default: return finish_as<AsF32>(options, pixels, range, out);
  }
}

void split_planes_avx2(const std::uint8_t* pixels, const PixelRange& range, std::uint8_t* out) noexcept {
  std::size_t i = 0;
  for (; i + lanes <= range.count; i += lanes) {
    const __m128i first = load_sixteen(pixels + i * 3);
    const __m128i second = load_sixteen(pixels + i * 3 + 8);
    for (std::size_t channel = 0; channel < 3; ++channel) {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(out + channel * range.plane + i),
                       gather_channel(first, second, channel));
    }
  }
  for (; i < range.count; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      out[channel * range.plane + i] = pixels[i * 3 + channel];
    }
  }
}

bool arithmetic_matches(const FinishOptions& options, const FinishTable& table) {
  if (!has_vectors()) return false;
  FinishOptions all = options;
  all.height = 1;
  all.width = 256;
  std::vector<std::uint8_t> pixels(std::size_t{256} * 3);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i / 3);
  std::vector<std::byte> computed(finished_row_bytes(all));
  std::vector<std::byte> expected(computed.size());
  const PixelRange range{all.width, all.width};
  finish_avx2(all, pixels.data(), range, computed.data());
  finish_by_table(all, table, pixels.data(), range, expected.data());
  return computed == expected;
}

}  // namespace forebay::paths
#else
namespace forebay::paths {
bool has_vectors() noexcept { return false; }
bool arithmetic_matches(const FinishOptions& /*options*/, const FinishTable& /*table*/) { return false; }
void finish_avx2(const FinishOptions& /*options*/, const std::uint8_t* /*pixels*/,
                 const PixelRange& /*range*/, std::byte* /*out*/) noexcept {}
void split_planes_avx2(const std::uint8_t* /*pixels*/, const PixelRange& /*range*/,
                       std::uint8_t* /*out*/) noexcept {}
}  // namespace forebay::paths
#endif
