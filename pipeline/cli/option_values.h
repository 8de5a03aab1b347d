#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace forebay::cli {

/// A word on the command line and what it means.
template <typename T>
using Choice = std::pair<std::string_view, T>;

/// `text` as a whole number in [min, max]; throws CLI::ValidationError with one clear line otherwise.
[[nodiscard]] std::uint64_t parse_whole(const std::string& option, std::string_view text, std::uint64_t min,
                                        std::uint64_t max);

/// Joins what follows --mean and --std to one word each: "0.5 0.5 0.5", "0.5" "0.5" "0.5" and "0.5, 0.5, 0.5"
/// become "0.5,0.5,0.5". For the words of a command line, before they are parsed.
void join_triples(std::vector<std::string>& words);

/// "0.5,0.5,0.5" as three finite numbers; throws CLI::ValidationError otherwise.
[[nodiscard]] std::array<float, 3> parse_triple(const std::string& option, std::string_view text);

/// `text` as a finite decimal number; throws CLI::ValidationError otherwise.
[[nodiscard]] double parse_decimal(const std::string& option, std::string_view text);

[[noreturn]] void reject_choice(const std::string& option, std::string_view text, const std::string& words);

/// An option that takes a whole number in [min, max] and hands it to `set`.
template <typename Set>
CLI::Option* add_whole(CLI::App& app, const std::string& name, const std::string& help, std::uint64_t min,
                       std::uint64_t max, Set set) {
  return app
      .add_option_function<std::string>(
          name, [=](const std::string& text) { set(parse_whole(name, text, min, max)); }, help)
      ->type_name("N");
}

/// An option that takes one of a few words and hands its meaning to `set`.
template <typename T, std::size_t N, typename Set>
CLI::Option* add_choice(CLI::App& app, const std::string& name, const std::string& help,
                        const std::array<Choice<T>, N>& choices, Set set) {
  std::string words;
  for (const auto& [word, value] : choices) words += (words.empty() ? "" : "|") + std::string(word);
  const auto parse = [=](const std::string& text) {
    for (const auto& [word, value] : choices) {
      if (text == word) return set(value);
    }
    reject_choice(name, text, words);
  };
  return app.add_option_function<std::string>(name, parse, help)->type_name(words);
}

}  // namespace forebay::cli
