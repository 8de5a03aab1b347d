#include "tests/sink/simulated_run.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace forebay::test {
namespace {

constexpr std::size_t edge = 4;
constexpr std::size_t row_bytes = edge * edge * 3;

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

ItemRecord item_at(std::uint64_t position) {
  ItemRecord item;
  item.index = item.item = position;
  item.mark = {1000 + position, position + 1};
  item.path = "pictures/\xFF" + std::to_string(position) + ".jpg";
  if (position % 3 == 0) item.label = "cat";
  item.warnings = position % 5 == 0 ? 1 : 0;
  if (position % 7 == 3) item.error = ItemErrorCode::corrupt;
  if (position % 17 == 5) {
    item.error = ItemErrorCode::timed_out;
    item.quarantine = std::make_shared<Quarantine>();
  }
  return item;
}

}  // namespace

OutputPlan SimulatedRun::plan() {
  OutputPlan plan;
  plan.finish.height = plan.finish.width = edge;
  plan.finish.dtype = DType::u8;
  plan.finish.layout = Layout::nhwc;
  plan.manifest = "{}";
  plan.source_identity = "a list";
  return plan;
}

std::vector<std::vector<std::uint64_t>> SimulatedRun::batches(const DoneItems& done,
                                                              std::size_t batch) const {
  std::vector<std::vector<std::uint64_t>> all;
  auto range = done.ranges.begin();
  for (std::uint64_t position = 0; position < items_; ++position) {
    while (range != done.ranges.end() && range->end <= position) ++range;
    if (range != done.ranges.end() && range->begin <= position) continue;
    if (all.empty() || all.back().size() == batch) all.emplace_back();
    all.back().push_back(position);
  }
  return all;
}

Batch SimulatedRun::make(std::uint64_t sequence, const std::vector<std::uint64_t>& positions,
                         std::uint64_t& rows) {
  std::vector<ItemRecord> items;
  std::vector<std::uint8_t>& memory = memory_.emplace_back();
  if (memory_.size() > 2) memory_.pop_front();
  for (const std::uint64_t position : positions) {
    ItemRecord& item = items.emplace_back(item_at(position));
    if (!item.ok()) continue;
    item.row = rows++;
    for (std::size_t i = 0; i < row_bytes; ++i)
      memory.push_back(static_cast<std::uint8_t>(position * 31 + i * 7));
  }
  const std::array<std::int64_t, 4> shape{static_cast<std::int64_t>(memory.size() / row_bytes), edge, edge,
                                          3};
  const TensorView view = memory.empty() ? TensorView{} : contiguous_view(memory.data(), DType::u8, shape);
  return {sequence, view, std::move(items), nullptr};
}

void SimulatedRun::finish(RunOutput& output, std::size_t batch) {
  const DoneItems done = output.resume_point() ? output.resume_point()->done() : DoneItems{};
  if (!output.begun()) output.begin(plan());
  std::uint64_t rows = done.rows;
  std::uint64_t sequence = 0;
  for (const auto& positions : batches(done, batch)) output.append(make(sequence++, positions, rows));
  output.finish();
  output.complete();
}

std::vector<std::string> results_of(const std::string& folder) {
  std::vector<std::string> results;
  for (const char* name : {"/tensors.npy", "/items.jsonl", "/quarantine.jsonl", "/contact_sheet.png"})
    results.push_back(text_of(folder + name));
  return results;
}

std::vector<std::string> results_by_item(const std::string& folder) {
  const std::string tensors = text_of(folder + "/tensors.npy");
  std::vector<std::string> results{tensors.substr(0, 128)};
  std::ifstream lines(folder + "/items.jsonl");
  std::size_t rows = 0;
  for (std::string line; std::getline(lines, line);) {
    nlohmann::json item = nlohmann::json::parse(line);
    std::string row;
    if (!item["row"].is_null()) {
      row = tensors.substr(128 + item["row"].get<std::size_t>() * row_bytes, row_bytes);
      ++rows;
    }
    item["row"] = nullptr;
    results.push_back(item.dump() + row);
  }
  results.push_back(tensors.size() == 128 + rows * row_bytes ? "a row for each" : "rows that are nobody's");
  return results;
}

}  // namespace forebay::test
