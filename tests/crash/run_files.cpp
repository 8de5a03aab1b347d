#include "tests/crash/run_files.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <set>

namespace forebay::crash {
namespace {

constexpr std::size_t npy_head_bytes = 128;

/// Takes `, "key": value` out of a line of items.jsonl, whose keys have a known order; returns the value.
std::string take(std::string& line, const std::string& key) {
  const std::string mark = ", \"" + key + "\": ";
  const std::size_t begin = line.rfind(mark);
  if (begin == std::string::npos) return "none";
  const std::size_t end = line.find(',', begin + mark.size());
  const std::string value = line.substr(begin + mark.size(), end - begin - mark.size());
  line.erase(begin, end - begin);
  return value;
}

std::optional<std::size_t> row_of(const std::string& text) {
  if (text == "null") return std::nullopt;
  return std::stoull(text);
}

}  // namespace

RunFiles RunFiles::read(const std::string& folder) {
  RunFiles files;
  std::ifstream tensors(folder + "/tensors.npy", std::ios::binary);
  files.tensors.assign(std::istreambuf_iterator<char>(tensors), {});
  std::ifstream items(folder + "/items.jsonl");
  for (std::string line; std::getline(items, line);) {
    files.attempts.push_back(std::stoull(take(line, "attempts")));
    files.lines.push_back(line);
  }
  return files;
}

std::string difference(const RunFiles& expected, const RunFiles& got) {
  if (got.lines.size() != expected.lines.size())
    return fmt::format("{} items instead of {}", got.lines.size(), expected.lines.size());
  for (std::size_t i = 0; i < got.lines.size(); ++i) {
    if (got.lines[i] != expected.lines[i])
      return fmt::format("item {}: {} instead of {}", i, got.lines[i], expected.lines[i]);
  }
  return got.tensors == expected.tensors ? "" : "other bytes in tensors.npy";
}

std::string difference_but_for_rows(const RunFiles& expected, const RunFiles& got, std::size_t row_bytes) {
  if (got.lines.size() != expected.lines.size())
    return fmt::format("{} items instead of {}", got.lines.size(), expected.lines.size());
  if (got.tensors.size() != expected.tensors.size())
    return fmt::format("tensors.npy has {} bytes instead of {}", got.tensors.size(), expected.tensors.size());
  std::set<std::size_t> rows;
  for (std::size_t i = 0; i < got.lines.size(); ++i) {
    std::string line = got.lines[i];
    std::string known = expected.lines[i];
    const auto row = row_of(take(line, "row"));
    const auto known_row = row_of(take(known, "row"));
    if (line != known || row.has_value() != known_row.has_value())
      return fmt::format("item {}: {} instead of {}", i, got.lines[i], expected.lines[i]);
    if (!row) continue;
    if (!rows.insert(*row).second) return fmt::format("row {} belongs to two items", *row);
    const auto bytes = [row_bytes](const RunFiles& files, std::size_t number) {
      return std::string_view(files.tensors).substr(npy_head_bytes + number * row_bytes, row_bytes);
    };
    if (bytes(got, *row) != bytes(expected, *known_row))
      return fmt::format("item {}: other bytes in its row {}", i, *row);
  }
  if (npy_head_bytes + rows.size() * row_bytes != got.tensors.size()) return "rows that belong to no item";
  return "";
}

}  // namespace forebay::crash
