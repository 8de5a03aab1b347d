#include "device/ops/resample_passes.h"

#ifdef __AVX2__
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <vector>

/// AVX2 passes with the bits of the plain ones. A weight has 23 bits and a sign, too wide for vpmaddwd, and
/// vpmulld is slow; so it is split into high * 256 + low, both 16 bits: sum(p * w) = (sum(p * high) << 8) +
/// sum(p * low), exact modulo 2^32, which is all that the plain sum promises either.
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

/// Four taps of the weights of two neighbouring outputs: the low 128 bits belong to the first, the high ones
/// to the second. Each half holds its pair of taps four times: for red, green, blue, and nothing.
struct Group {
  __m256i high_01;
  __m256i low_01;
  __m256i high_23;
  __m256i low_23;
};

/// Two neighbouring outputs: where their first input pixels begin in a row, and their weights. The last one
/// of an odd number has a neighbour without weight, that nobody stores.
struct OutputPair {
  std::uint32_t first_offset_bytes;
  std::uint32_t second_offset_bytes;
  std::uint32_t groups;
  std::uint32_t first_group;
};

/// The weights of a table in the order and form in which they are used.
class HorizontalWeights {
 public:
  HorizontalWeights(const ResampleTable& table, std::uint32_t inputs) {
    // An estimate: a picture that shrinks a hundredfold has long windows, but where most outputs are padding,
    // few of them.
    const std::uint32_t groups = std::min((table.taps + taps_per_group - 1) / taps_per_group, 64U);
    const std::size_t pairs = (std::size_t{table.outputs} + 1) / 2;
    pairs_.reserve(pairs);
    groups_.reserve(pairs * groups);
    for (std::uint32_t x = 0; x < table.outputs; x += 2) add_pair(table, x, inputs);
  }

  [[nodiscard]] const std::vector<OutputPair>& pairs() const { return pairs_; }
  [[nodiscard]] const Group* groups(const OutputPair& pair) const {
    return groups_.data() + pair.first_group;
  }
  /// Bytes from the start of a row that the loads of that row touch.
  [[nodiscard]] std::size_t reach_bytes() const { return reach_bytes_; }

 private:
  void add_pair(const ResampleTable& table, std::uint32_t x, std::uint32_t inputs) {
    const bool is_whole = x + 1 < table.outputs;
    const Window windows[2] = {window_of(table, x, inputs),
                               is_whole ? window_of(table, x + 1, inputs) : Window{0, 0}};
    const std::uint32_t count = std::max(windows[0].count, windows[1].count);
    const std::uint32_t groups = std::max(1U, (count + taps_per_group - 1) / taps_per_group);
    const auto pixel = static_cast<std::uint32_t>(rgb_bytes);
    pairs_.push_back({windows[0].first * pixel, windows[1].first * pixel, groups,
                      static_cast<std::uint32_t>(groups_.size())});
    const std::size_t last_load = std::size_t{groups - 1} * taps_per_group * rgb_bytes + sizeof(__m128i);
    reach_bytes_ =
        std::max(reach_bytes_, std::max(windows[0].first, windows[1].first) * rgb_bytes + last_load);
    for (std::uint32_t group = 0; group < groups; ++group) {
      const auto weight = [&](std::uint32_t which, std::uint32_t tap) {
        const std::uint32_t at = group * taps_per_group + tap;
        const std::size_t row = std::size_t{x + which} * table.taps;
        return at < windows[which].count ? table.weights()[row + at] : 0;
      };
      const auto lanes = [&](auto part, std::uint32_t tap) {
        const auto lane = [&](std::uint32_t which) {
          return _mm_set1_epi32(
              static_cast<int>(pair_of(part(weight(which, tap)), part(weight(which, tap + 1)))));
        };
        return _mm256_set_m128i(lane(1), lane(0));
      };
      groups_.push_back({lanes(high_of, 0), lanes(low_of, 0), lanes(high_of, 2), lanes(low_of, 2)});
    }
  }

  std::vector<OutputPair> pairs_;
  std::vector<Group> groups_;
  std::size_t reach_bytes_ = 0;
};

/// Five pixels and a byte from each of two places, one in each half.
__m256i load_two(const std::uint8_t* first, const std::uint8_t* second) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(second));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

/// The rounded and shifted sums of two outputs in one row: red, green, blue, nothing; as int32.
__m256i sum_pair(const std::uint8_t* row, const OutputPair& pair, const Group* group) {
  const __m256i taps_01 = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                           0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
  const __m256i taps_23 = _mm256_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1,  //
                                           6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  const std::uint8_t* first = row + pair.first_offset_bytes;
  const std::uint8_t* second = row + pair.second_offset_bytes;
  __m256i high = _mm256_setzero_si256();
  __m256i low = _mm256_set1_epi32(static_cast<int>(rounding));
  for (std::uint32_t g = 0; g < pair.groups; ++g, ++group) {
    const __m256i pixels = load_two(first, second);
    const __m256i pairs_01 = _mm256_shuffle_epi8(pixels, taps_01);
    const __m256i pairs_23 = _mm256_shuffle_epi8(pixels, taps_23);
    high = _mm256_add_epi32(high, _mm256_add_epi32(_mm256_madd_epi16(pairs_01, group->high_01),
                                                   _mm256_madd_epi16(pairs_23, group->high_23)));
    low = _mm256_add_epi32(low, _mm256_add_epi32(_mm256_madd_epi16(pairs_01, group->low_01),
                                                 _mm256_madd_epi16(pairs_23, group->low_23)));
    first += taps_per_group * rgb_bytes;
    second += taps_per_group * rgb_bytes;
  }
  return _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(high, 8), low), resample_precision_bits);
}

/// Two pixels (six bytes) of two rows. Eight bytes are stored at once unless the last two are another row's.
void store_rows(__m128i rows, std::uint8_t* first, std::uint8_t* second, std::size_t bytes) {
  const __m128i six = _mm_setr_epi8(0, 1, 2, 4, 5, 6, -1, -1, 8, 9, 10, 12, 13, 14, -1, -1);
  const __m128i packed = _mm_shuffle_epi8(rows, six);
  const std::int64_t low = _mm_cvtsi128_si64(packed);
  const std::int64_t high = _mm_extract_epi64(packed, 1);
  if (bytes == sizeof(low)) {
    std::memcpy(first, &low, sizeof(low));
    std::memcpy(second, &high, sizeof(high));
  } else {
    std::memcpy(first, &low, bytes);
    std::memcpy(second, &high, bytes);
  }
}

/// Four rows at a time, so that the weights are loaded once for all.
void four_rows(const std::uint8_t* row, std::size_t row_bytes, const HorizontalWeights& weights,
               std::uint8_t* out, std::size_t out_bytes) {
  const std::uint8_t* const end = out + out_bytes;
  for (const OutputPair& pair : weights.pairs()) {
    const Group* group = weights.groups(pair);
    const __m256i words_01 =
        _mm256_packs_epi32(sum_pair(row, pair, group), sum_pair(row + row_bytes, pair, group));
    const __m256i words_23 = _mm256_packs_epi32(sum_pair(row + 2 * row_bytes, pair, group),
                                                sum_pair(row + 3 * row_bytes, pair, group));
    const __m256i pixels = _mm256_packus_epi16(words_01, words_23);
    const __m128i first = _mm256_castsi256_si128(pixels);
    const __m128i second = _mm256_extracti128_si256(pixels, 1);
    const auto left_bytes = static_cast<std::size_t>(end - out);
    const std::size_t bytes = left_bytes >= 8 ? 8 : left_bytes;
    store_rows(_mm_unpacklo_epi32(first, second), out, out + out_bytes, bytes);
    store_rows(_mm_unpackhi_epi32(first, second), out + 2 * out_bytes, out + 3 * out_bytes, bytes);
    out += 2 * rgb_bytes;
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
  const __m256i words =
      _mm256_permute4x64_epi64(_mm256_packs_epi32(value(high_0, low_0), value(high_1, low_1)), 0xD8);
  return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

}  // namespace

void horizontal_avx2(const ImageView& source, const ResampleTable& table, std::uint8_t* out) {
  if (!is_splittable(table)) return horizontal_plain(source, table, out);
  const HorizontalWeights weights(table, source.width);
  const std::size_t total_bytes =
      (source.height - 1) * source.row_bytes + std::size_t{source.width} * rgb_bytes;
  const std::size_t out_bytes = std::size_t{table.outputs} * rgb_bytes;
  std::uint32_t y = 0;
  // A load may reach beyond its row, but never beyond the region: the last rows are left to the plain pass.
  while (y + 4 <= source.height && (y + 3) * source.row_bytes + weights.reach_bytes() <= total_bytes) {
    four_rows(source.pixels + y * source.row_bytes, source.row_bytes, weights, out + y * out_bytes,
              out_bytes);
    y += 4;
  }
  if (y < source.height) {
    const ImageView rest{source.pixels + y * source.row_bytes, source.width, source.height - y,
                         source.row_bytes};
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
