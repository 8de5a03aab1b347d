#include "pipeline/cli/option_values.h"

#include <fmt/format.h>

#include <cmath>

namespace forebay::cli {
namespace {

bool begins_like_a_number(std::string_view word) {
  return !word.empty() && word.find_first_of("0123456789.+-") == 0 && !word.starts_with("--");
}

/// Runs of blanks and commas become one comma.
std::string with_commas(std::string_view text) {
  std::string joined;
  for (const char c : text) {
    if (c != ' ' && c != ',') {
      joined += c;
    } else if (!joined.empty() && joined.back() != ',') {
      joined += ',';
    }
  }
  if (joined.ends_with(',')) joined.pop_back();
  return joined;
}

}  // namespace

void join_triples(std::vector<std::string>& words) {
  constexpr std::size_t numbers = 3;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] != "--mean" && words[i] != "--std") continue;
    std::size_t end = i + 2;
    const bool alone = words[i + 1].find_first_of(", ") == std::string::npos;
    while (alone && end < words.size() && end < i + 1 + numbers && begins_like_a_number(words[end])) {
      words[i + 1] += ',' + words[end++];
    }
    words[i + 1] = with_commas(words[i + 1]);
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(i + 2),
                words.begin() + static_cast<std::ptrdiff_t>(end));
  }
}

std::array<float, 3> parse_triple(const std::string& option, std::string_view text) {
  std::array<float, 3> values{};
  std::string_view rest = text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t comma = rest.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == values.size())) {
      throw CLI::ValidationError(option,
                                 fmt::format("takes three numbers, such as 0.5,0.5,0.5, not '{}'", text));
    }
    values[i] = static_cast<float>(parse_decimal(option, rest.substr(0, comma)));
    if (!std::isfinite(values[i])) {
      throw CLI::ValidationError(option, fmt::format("must fit a 32-bit float, not '{}'", text));
    }
    if (comma != std::string_view::npos) rest.remove_prefix(comma + 1);
  }
  return values;
}

std::uint64_t parse_whole(const std::string& option, std::string_view text, std::uint64_t min,
                          std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    throw CLI::ValidationError(option,
                               fmt::format("must be a whole number from {} to {}, not '{}'", min, max, text));
  }
  return value;
}

double parse_decimal(const std::string& option, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    throw CLI::ValidationError(option, fmt::format("must be a number, not '{}'", text));
  }
  return value;
}

void reject_choice(const std::string& option, std::string_view text, const std::string& words) {
  throw CLI::ValidationError(option, fmt::format("must be one of {}, not '{}'", words, text));
}

}  // namespace forebay::cli
