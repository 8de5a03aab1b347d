#include "pipeline/cli/source_difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "pipeline/cli/item_counter.h"
#include "pipeline/sink/json_text.h"
#include "pipeline/source/sampler.h"

namespace forebay::cli {
namespace {

std::string as_text(std::string_view path) {
  std::string quoted;
  append_json_string(quoted, path);
  return nlohmann::json::parse(quoted).get<std::string>();
}

std::string find_difference(const RunArguments& arguments, const std::string& items, std::uint64_t count) {
  const std::vector<std::string>& sources = arguments.sources;
  if (!std::all_of(sources.begin(), sources.end(), can_be_read_twice)) return "";
  const auto sampler = make_sampler(open_sources(sources), sampling_of(arguments.options), {});
  std::ifstream lines(items);
  std::string line;
  for (std::uint64_t position = 0; position < count && std::getline(lines, line); ++position) {
    const nlohmann::json item = nlohmann::json::parse(line);
    const std::string was = item.at("path").get<std::string>();
    const std::optional<Sample> sample = sampler->next();
    if (!sample) return fmt::format("they end before item {}, {}", position, was);
    const SourceEntry& entry = sample->entry;
    if (as_text(entry.path) != was)
      return fmt::format("item {} is {}, was {}", position, as_text(entry.path), was);
    const std::string label = item.at("label").is_null() ? "" : item.at("label").get<std::string>();
    if (as_text(entry.label) != label) {
      return fmt::format("item {}, {}, has the label '{}', had '{}'", position, was, as_text(entry.label),
                         label);
    }
  }
  return "";
}

}  // namespace

std::string source_difference(const RunArguments& arguments, const std::string& items,
                              std::uint64_t count) noexcept {
  try {
    return find_difference(arguments, items, count);
  } catch (const std::exception&) {
    return "";  // the error that led here is what counts
  }
}

}  // namespace forebay::cli
