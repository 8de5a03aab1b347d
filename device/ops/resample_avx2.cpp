#include "device/ops/resample_passes.h"

#ifdef __AVX2__
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <vector>

/// AVX2 passes with the bits of the plain ones. A weight has 23 bits and a sign, too wide for vpmaddwd, and vpmulld is
/// slow; so it is split into high * 256 + low, both 16 bits: sum(p * w) = (sum(p * high) << 8) + sum(p * low), exact
/// modulo 2^32, which is all that the plain sum promises either.
namespace forebay::passes {
namespace {

constexpr std::uint32_t taps_per_group = 4;

std::uint32_t pair_of(std::int32_t even, std::int32_t odd) {
  return (static_cast<std::uint32_t>(even) & 0xFFFFU) | static_cast<std::uint32_t>(odd) << 16U;
}
std::int32_t high_of(std::int32_t weight) { return weight >> 8; }
std::int32_t low_of(std::int32_t weight) { return weight & 0xFF; }

/// All weights split into 16 bits without loss.
bool is_splittable(const ResampleTable& table) {
  constexpr std::int32_t limit = 1 << 23;
  const std::int32_t* weights = table.weights();
  return std::all_of(weights, weights + std::size_t{table.outputs} * table.taps,
                     [](std::int32_t weight) { return weight >= -limit && weight < limit; });
}

/// The weights of one output, four taps a group: the low 128 bits hold the pair of taps 0 and 1 four times (red, green,
/// blue, nothing), the high 128 bits that of taps 2 and 3.
struct Group {
  __m256i high;
  __m256i low;
};

struct Output {
  std::uint32_t offset_bytes;  ///< of the first input pixel in its row
  std::uint32_t groups;
  std::uint32_t first_group;
};

class HorizontalWeights {
 public:
  HorizontalWeights(const ResampleTable& table, std::uint32_t inputs) {
    outputs_.reserve(table.outputs);
    groups_.reserve(std::size_t{table.outputs} * ((table.taps + taps_per_group - 1) / taps_per_group));
    for (std::uint32_t x = 0; x < table.outputs; ++x) {
      const Window window = window_of(table, x, inputs);
      const std::int32_t* weights = table.weights() + std::size_t{x} * table.taps;
      const std::uint32_t groups = (window.count + taps_per_group - 1) / taps_per_group;
      const auto offset = window.first * static_cast<std::uint32_t>(rgb_bytes);
      outputs_.push_back({offset, groups, static_cast<std::uint32_t>(groups_.size())});
      if (groups > 0) {
        const std::size_t last_load = offset + (groups - 1) * taps_per_group * rgb_bytes;
        reach_bytes_ = std::max(reach_bytes_, last_load + sizeof(__m128i));
      }
      for (std::uint32_t group = 0; group < groups; ++group) {
        const auto weight = [&](std::uint32_t tap) {
          const std::uint32_t at = group * taps_per_group + tap;
          return at < window.count ? weights[at] : 0;
        };
        const auto lanes = [&](auto part) {
          return _mm256_set_m128i(_mm_set1_epi32(static_cast<int>(pair_of(part(weight(2)), part(weight(3))))),
                                  _mm_set1_epi32(static_cast<int>(pair_of(part(weight(0)), part(weight(1))))));
        };
        groups_.push_back({lanes(high_of), lanes(low_of)});
      }
    }
  }

  [[nodiscard]] const Output& output(std::uint32_t x) const { return outputs_[x]; }
  [[nodiscard]] const Group* groups(const Output& output) const { return groups_.data() + output.first_group; }
  /// Bytes from the start of a row that the loads of that row touch.
  [[nodiscard]] std::size_t reach_bytes() const { return reach_bytes_; }

 private:
  std::vector<Output> outputs_;
  std::vector<Group> groups_;
  std::size_t reach_bytes_ = 0;
};

/// Four pixels from the 16 bytes at `pixel` (the fifth and a byte are read and not used), as 16-bit pairs of taps.
__m256i load_pairs(const std::uint8_t* pixel) {
  const __m256i select = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                          6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixel));
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), select);
}

/// The rounded and shifted sums of red, green and blue, as int32.
__m128i finish_sum(__m256i high, __m256i low) {
  const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, 8), low);
  const __m128i both = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  return _mm_srai_epi32(_mm_add_epi32(both, _mm_set1_epi32(static_cast<int>(rounding))), resample_precision_bits);
}

void store_pixel(std::uint8_t* out, int pixel, bool last) {
  // Four bytes at once, unless the fourth is another row's.
  std::memcpy(out, &pixel, last ? 3 : 4);
}

/// Four rows at a time, so that the weights are loaded once for all.
void four_rows(const std::uint8_t* first_row, std::size_t row_bytes, const HorizontalWeights& weights,
               std::uint32_t outputs, std::uint8_t* out) {
  const std::size_t out_bytes = std::size_t{outputs} * rgb_bytes;
  for (std::uint32_t x = 0; x < outputs; ++x) {
    const Output& output = weights.output(x);
    const Group* group = weights.groups(output);
    const std::uint8_t* pixel = first_row + output.offset_bytes;
    __m256i high[4];
    __m256i low[4];
    for (int row = 0; row < 4; ++row) high[row] = low[row] = _mm256_setzero_si256();
    for (std::uint32_t g = 0; g < output.groups; ++g, ++group, pixel += taps_per_group * rgb_bytes) {
      for (std::size_t row = 0; row < 4; ++row) {
        const __m256i pairs = load_pairs(pixel + row * row_bytes);
        high[row] = _mm256_add_epi32(high[row], _mm256_madd_epi16(pairs, group->high));
        low[row] = _mm256_add_epi32(low[row], _mm256_madd_epi16(pairs, group->low));
      }
    }
    const __m128i words_01 = _mm_packs_epi32(finish_sum(high[0], low[0]), finish_sum(high[1], low[1]));
    const __m128i words_23 = _mm_packs_epi32(finish_sum(high[2], low[2]), finish_sum(high[3], low[3]));
    const __m128i pixels = _mm_packus_epi16(words_01, words_23);
    const bool last = x + 1 == outputs;
    std::uint8_t* to = out + std::size_t{x} * rgb_bytes;
    store_pixel(to, _mm_extract_epi32(pixels, 0), last);
    store_pixel(to + out_bytes, _mm_extract_epi32(pixels, 1), last);
    store_pixel(to + 2 * out_bytes, _mm_extract_epi32(pixels, 2), last);
    store_pixel(to + 3 * out_bytes, _mm_extract_epi32(pixels, 3), last);
  }
}

/// One output row's weights, two taps a pair.
struct VerticalPair {
  const std::uint8_t* even;
  const std::uint8_t* odd;
  __m256i high;
  __m256i low;
};

__m128i sixteen_columns(const std::vector<VerticalPair>& pairs, std::size_t column) {
  __m256i high_0 = _mm256_setzero_si256();
  __m256i high_1 = high_0;
  __m256i low_0 = high_0;
  __m256i low_1 = high_0;
  for (const VerticalPair& pair : pairs) {
    const __m128i even = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pair.even + column));
    const __m128i odd = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pair.odd + column));
    const __m256i first = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(even, odd));
    const __m256i second = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(even, odd));
    high_0 = _mm256_add_epi32(high_0, _mm256_madd_epi16(first, pair.high));
    low_0 = _mm256_add_epi32(low_0, _mm256_madd_epi16(first, pair.low));
    high_1 = _mm256_add_epi32(high_1, _mm256_madd_epi16(second, pair.high));
    low_1 = _mm256_add_epi32(low_1, _mm256_madd_epi16(second, pair.low));
  }
  const __m256i half = _mm256_set1_epi32(static_cast<int>(rounding));
  const auto value = [&](__m256i high, __m256i low) {
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(_mm256_slli_epi32(high, 8), low), half);
    return _mm256_srai_epi32(sum, resample_precision_bits);
  };
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(value(high_0, low_0), value(high_1, low_1)), 0xD8);
  return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

}  // namespace

void horizontal_avx2(const ImageView& source, const ResampleTable& table, std::uint8_t* out) {
  if (!is_splittable(table)) return horizontal_plain(source, table, out);
  const HorizontalWeights weights(table, source.width);
  const std::size_t total_bytes = (source.height - 1) * source.row_bytes + std::size_t{source.width} * rgb_bytes;
  const std::size_t out_bytes = std::size_t{table.outputs} * rgb_bytes;
  std::uint32_t y = 0;
  // A load may reach beyond its row, but never beyond the region: the last rows are left to the plain pass.
  while (y + 4 <= source.height && (y + 3) * source.row_bytes + weights.reach_bytes() <= total_bytes) {
    four_rows(source.pixels + y * source.row_bytes, source.row_bytes, weights, table.outputs, out + y * out_bytes);
    y += 4;
  }
  if (y < source.height) {
    const ImageView rest{source.pixels + y * source.row_bytes, source.width, source.height - y, source.row_bytes};
    horizontal_plain(rest, table, out + y * out_bytes);
  }
}

void vertical_avx2(const std::uint8_t* source, std::uint32_t rows, std::size_t row_bytes,
                   const ResampleTable& table, std::uint8_t* out) {
  constexpr std::size_t block = 16;
  if (row_bytes < block || !is_splittable(table)) return vertical_plain(source, rows, row_bytes, table, out);
  std::vector<VerticalPair> pairs;
  pairs.reserve((table.taps + 1) / 2);
  for (std::uint32_t y = 0; y < table.outputs; ++y, out += row_bytes) {
    const Window window = window_of(table, y, rows);
    const std::int32_t* weights = table.weights() + std::size_t{y} * table.taps;
    pairs.clear();
    for (std::uint32_t tap = 0; tap < window.count; tap += 2) {
      const bool has_odd = tap + 1 < window.count;
      const std::uint8_t* even = source + (window.first + tap) * row_bytes;
      const std::int32_t odd_weight = has_odd ? weights[tap + 1] : 0;
      const auto both = [&](auto part) {
        return _mm256_set1_epi32(static_cast<int>(pair_of(part(weights[tap]), part(odd_weight))));
      };
      pairs.push_back({even, has_odd ? even + row_bytes : even, both(high_of), both(low_of)});
    }
    for (std::size_t column = 0; column < row_bytes; column += block) {
      // The last block overlaps the one before: the same bytes are computed twice.
      const std::size_t at = std::min(column, row_bytes - block);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at), sixteen_columns(pairs, at));
    }
  }
}

}  // namespace forebay::passes
#endif
