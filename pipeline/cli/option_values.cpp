#include "pipeline/cli/option_values.h"

#include <fmt/format.h>

#include <cmath>

namespace forebay::cli {

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
