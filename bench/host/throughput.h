#pragma once

#include <cstdint>

#include "bench/host/figures.h"
#include "bench/host/turns.h"

/// One producer (this process) and one consumer (another): what a message costs. The consumer counts its
/// rounds in a word of shared memory. Round 0 only warms up: pages are there, both sides run.

/// Short rounds, and many: on a busy machine some of them fall between others' time slices.
inline constexpr std::uint32_t message_rounds = 25;

/// The consumer's part of one round.
template <typename Get>
void get_round(Word& word, std::uint32_t round, std::uint32_t count, const Get& get) {
  for (std::uint32_t i = 0; i < count; ++i) get();
  tell(word, round + 1);
}

/// The producer's: seconds a message, from the first put until the consumer has had the last.
template <typename Put>
[[nodiscard]] double put_round(Word& word, std::uint32_t round, std::uint32_t count, const Put& put) {
  const Stopwatch watch;
  for (std::uint32_t i = 0; i < count; ++i) put(i);
  await(word, round + 1);
  return watch.seconds() / count;
}

template <typename Get>
void get_rounds(const forebay::SharedRange<std::uint32_t>& memory, std::uint32_t count, const Get& get) {
  for (std::uint32_t round = 0; round <= message_rounds; ++round)
    get_round(word_of(memory), round, count, get);
}

/// The median of the rounds.
template <typename Put>
[[nodiscard]] double put_rounds(const forebay::SharedRange<std::uint32_t>& memory, std::uint32_t count,
                                const Put& put) {
  std::vector<double> samples;
  for (std::uint32_t round = 0; round <= message_rounds; ++round) {
    const double seconds = put_round(word_of(memory), round, count, put);
    if (round != 0) samples.push_back(seconds);
  }
  return quantile(samples, 0.5);
}

/// What all who carry messages are asked for: as many may lie there, so large.
inline constexpr std::uint32_t small_bytes = 64;
inline constexpr std::uint32_t small_slots = 1024;
inline constexpr std::uint32_t large_bytes = std::uint32_t{1} << 20U;
inline constexpr std::uint32_t large_slots = 8;
