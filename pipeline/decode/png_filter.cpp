#include "pipeline/decode/png_filter.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace forebay {
namespace {

using Row = const std::uint8_t*;

void undo_up(Row raw, Row prior, std::size_t bytes, std::uint8_t* out) noexcept {
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::uint8_t>(raw[i] + prior[i]);
}

std::uint8_t paeth(int left, int above, int corner) noexcept {
  const int to_left = std::abs(above - corner);
  const int to_above = std::abs(left - corner);
  const int to_corner = std::abs(left + above - 2 * corner);
  if (to_left <= to_above && to_left <= to_corner) return static_cast<std::uint8_t>(left);
  return static_cast<std::uint8_t>(to_above <= to_corner ? above : corner);
}

/// Any step, byte by byte. Filters 1, 3 and 4 look at the pixel to the left: zeros before the first.
void undo_plain(std::uint8_t filter, Row raw, Row prior, std::size_t bytes, std::size_t step,
                std::uint8_t* out) noexcept {
  for (std::size_t i = 0; i < bytes; ++i) {
    const int left = i < step ? 0 : out[i - step];
    const int corner = i < step ? 0 : prior[i - step];
    const int guess = filter == 1   ? left
                      : filter == 3 ? (left + prior[i]) / 2
                                    : paeth(left, prior[i], corner);
    out[i] = static_cast<std::uint8_t>(raw[i] + guess);
  }
}

#if defined(__SSE2__)

/// A pixel of 3 or 4 bytes in a register. Each waits for the one before it, so that one at a time is what
/// there is.
template <std::size_t Step>
__m128i load(Row at) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, at, Step);
  return _mm_cvtsi32_si128(static_cast<int>(word));
}

template <std::size_t Step>
void store(__m128i pixel, std::uint8_t* at) noexcept {
  const int word = _mm_cvtsi128_si32(pixel);
  std::memcpy(at, &word, Step);
}

__m128i magnitude(__m128i words) noexcept {
  return _mm_max_epi16(words, _mm_sub_epi16(_mm_setzero_si128(), words));
}

__m128i choose(__m128i mask, __m128i then, __m128i otherwise) noexcept {
  return _mm_or_si128(_mm_and_si128(mask, then), _mm_andnot_si128(mask, otherwise));
}

template <std::size_t Step>
void undo_sub(Row raw, std::size_t bytes, std::uint8_t* out) noexcept {
  __m128i left = _mm_setzero_si128();
  for (std::size_t i = 0; i < bytes; i += Step) {
    left = _mm_add_epi8(load<Step>(raw + i), left);
    store<Step>(left, out + i);
  }
}

template <std::size_t Step>
void undo_average(Row raw, Row prior, std::size_t bytes, std::uint8_t* out) noexcept {
  __m128i left = _mm_setzero_si128();
  const __m128i one = _mm_set1_epi8(1);
  for (std::size_t i = 0; i < bytes; i += Step) {
    const __m128i above = load<Step>(prior + i);
    // The instruction rounds up, PNG down.
    const __m128i round_up = _mm_and_si128(_mm_xor_si128(left, above), one);
    left = _mm_add_epi8(load<Step>(raw + i), _mm_sub_epi8(_mm_avg_epu8(left, above), round_up));
    store<Step>(left, out + i);
  }
}

template <std::size_t Step>
void undo_paeth(Row raw, Row prior, std::size_t bytes, std::uint8_t* out) noexcept {
  const __m128i zero = _mm_setzero_si128();
  __m128i left = zero;
  __m128i corner = zero;
  for (std::size_t i = 0; i < bytes; i += Step) {
    const __m128i above = _mm_unpacklo_epi8(load<Step>(prior + i), zero);
    const __m128i past_left = _mm_sub_epi16(above, corner);
    const __m128i past_above = _mm_sub_epi16(left, corner);
    const __m128i to_left = magnitude(past_left);
    const __m128i to_above = magnitude(past_above);
    const __m128i to_corner = magnitude(_mm_add_epi16(past_left, past_above));
    const __m128i least = _mm_min_epi16(to_corner, _mm_min_epi16(to_left, to_above));
    const __m128i guess = choose(_mm_cmpeq_epi16(least, to_left), left,
                                 choose(_mm_cmpeq_epi16(least, to_above), above, corner));
    corner = above;
    // Bytes wrap as they must; the high halves of the words stay zero.
    left = _mm_add_epi8(_mm_unpacklo_epi8(load<Step>(raw + i), zero), guess);
    store<Step>(_mm_packus_epi16(left, left), out + i);
  }
}

template <std::size_t Step>
void undo_fast(std::uint8_t filter, Row raw, Row prior, std::size_t bytes, std::uint8_t* out) noexcept {
  if (filter == 1) return undo_sub<Step>(raw, bytes, out);
  if (filter == 3) return undo_average<Step>(raw, prior, bytes, out);
  undo_paeth<Step>(raw, prior, bytes, out);
}

#endif

}  // namespace

bool undo_png_filter(std::uint8_t filter, const std::uint8_t* raw, const std::uint8_t* prior,
                     std::size_t bytes, std::size_t step, std::uint8_t* out) noexcept {
  if (filter > png_filter_max) return false;
  if (filter == 0) {
    std::copy_n(raw, bytes, out);
  } else if (filter == 2) {
    undo_up(raw, prior, bytes, out);
#if defined(__SSE2__)
  } else if (step == 3) {
    undo_fast<3>(filter, raw, prior, bytes, out);
  } else if (step == 4) {
    undo_fast<4>(filter, raw, prior, bytes, out);
#endif
  } else {
    undo_plain(filter, raw, prior, bytes, step, out);
  }
  return true;
}

}  // namespace forebay
