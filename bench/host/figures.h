#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the programs of this folder share: positive counts as arguments, and figures as one line of JSON.

/// Wall clock between two points of the program.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// The arguments of a program, all of them positive whole numbers; throws what `usage` says otherwise.
inline std::vector<std::uint32_t> counts_of(int argc, char** argv, std::size_t wanted,
                                            const std::string& usage) {
  std::vector<std::uint32_t> counts;
  for (const char* argument : std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
    const std::string_view text = argument;
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size() || count == 0) {
      throw std::runtime_error("usage: " + usage);
    }
    counts.push_back(count);
  }
  if (counts.size() != wanted) throw std::runtime_error("usage: " + usage);
  return counts;
}

/// The value that so much of the samples do not exceed (nearest rank); 0.5 is the median.
[[nodiscard]] inline double quantile(std::vector<double> samples, double share) {
  std::sort(samples.begin(), samples.end());
  // Rounded up, but 0.99 × 300 must not become 298 for the last bit of 0.99.
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(samples.size()) - 1e-9));
  return samples.at(std::clamp<std::size_t>(rank, 1, samples.size()) - 1);
}

/// Rounds of each figure, whose median counts: on a busy machine a single one may fall into others' time
/// slices.
inline constexpr std::uint32_t rounds = 5;

/// The median of what `measure` gives in so many rounds.
template <typename Measure>
[[nodiscard]] double median_of_rounds(const Measure& measure) {
  std::vector<double> samples;
  for (std::uint32_t i = 0; i < rounds; ++i) samples.push_back(measure());
  return quantile(samples, 0.5);
}

/// Named values, printed as one line of JSON.
class Figures {
 public:
  void add(std::string name, double value) { values_.emplace_back(std::move(name), value); }
  void print() const {
    std::string line;
    for (const auto& [name, value] : values_) {
      line += (line.empty() ? "{\"" : ", \"") + name + "\": " + std::to_string(value);
    }
    std::printf("%s}\n", line.c_str());
  }

 private:
  std::vector<std::pair<std::string, double>> values_;
};
