#include "pipeline/sink/items_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "host/contract.h"
#include "host/error.h"
#include "host/limits.h"
#include "pipeline/sink/input_file.h"
#include "pipeline/sink/json_text.h"

namespace forebay {

void append_item_line(std::string& out, const ItemRecord& item, LineKeys keys) {
  const auto number = [&out](std::string_view key, std::uint64_t value) {
    fmt::format_to(std::back_inserter(out), "{}{}", key, value);
  };
  number("{\"index\": ", item.index);
  if (keys == LineKeys::sampled) {
    number(", \"item\": ", item.item);
    number(", \"epoch\": ", item.epoch);
  }
  out += ", \"path\": ";
  append_json_string(out, item.path);
  out += ", \"label\": ";
  if (item.label) {
    append_json_string(out, *item.label);
  } else {
    out += "null";
  }
  if (item.row) {
    number(", \"row\": ", *item.row);
  } else {
    out += ", \"row\": null";
  }
  if (item.ok()) {
    out += ", \"status\": \"ok\", \"error\": null";
  } else {
    out += ", \"status\": \"error\", \"error\": {\"code\": ";
    append_json_string(out, to_string(item.error));
    out += ", \"message\": ";
    append_json_string(out, item.message);
    out += '}';
  }
  number(", \"warnings\": ", item.warnings);
  number(", \"attempts\": ", item.attempts);
  number(", \"width\": ", item.width);
  number(", \"height\": ", item.height);
  out += "}\n";
}

namespace {

/// A batch's records as blocks: more than one where it spans what an earlier session has done.
std::vector<LineBlock> blocks_of(std::span<const ItemRecord> items, LineKeys keys) {
  std::vector<LineBlock> blocks;
  for (const ItemRecord& item : items) {
    if (blocks.empty() || blocks.back().positions.end != item.index) {
      blocks.emplace_back().positions = {item.index, item.index};
    }
    LineBlock& block = blocks.back();
    ++block.positions.end;
    append_item_line(block.lines, item, keys);
    block.entries.push_back({item.path, item.label.value_or("")});
    block.mark = item.mark;
    block.source_entries = item.item + 1;
  }
  return blocks;
}

}  // namespace

ItemsLog::ItemsLog(std::string path, const CommitState& state, HeldBlocks held, std::string source_identity,
                   LineKeys keys)
    : file_(OutputFile::reopen(path)),
      keys_(keys),
      size_(state.items_bytes),
      watermark_(state.watermark),
      entry_hash_(state.entry_hash),
      source_(state.source),
      source_identity_(std::move(source_identity)),
      held_(std::move(held)) {
  for (const auto& [begin, waiting] : held_) held_bytes_ += waiting.block.bytes();
  const InputFile there(path);
  if (size_ > 0 && there.read(size_ - 1, 1) != std::vector{std::byte{'\n'}}) {
    throw Error(ErrorCode::usage,
                fmt::format("{} was changed after the run: no line ends where its log says; --force starts "
                            "afresh",
                            path));
  }
  file_.cut(size_);
}

void ItemsLog::append(std::span<const ItemRecord> items, std::uint64_t record) {
  std::vector<std::uint64_t> added;
  for (LineBlock& block : blocks_of(items, keys_)) {
    const PositionRange range = block.positions;
    const auto next = held_.lower_bound(range.begin);
    expect(range.begin >= watermark_ && (next == held_.end() || next->first >= range.end) &&
               (next == held_.begin() || std::prev(next)->second.block.positions.end <= range.begin),
           "every item is recorded once");
    held_bytes_ += block.bytes();
    held_.emplace_hint(next, range.begin, HeldBlock{std::move(block), record});
    added.push_back(range.begin);
  }
  try {
    write_ready();
  } catch (const Error&) {
    for (const std::uint64_t begin : added) {
      held_bytes_ -= held_.at(begin).block.bytes();
      held_.erase(begin);
    }
    throw;
  }
}

/// The lines whose turn it is: those that waited for a batch go out in the same write as its own.
void ItemsLog::write_ready() {
  std::string lines;
  std::uint64_t watermark = watermark_;
  std::size_t still_held = held_bytes_;
  auto ready = held_.begin();
  for (; ready != held_.end() && ready->first == watermark; ++ready) {
    lines += ready->second.block.lines;
    still_held -= ready->second.block.bytes();
    watermark = ready->second.block.positions.end;
  }
  if (still_held > limits::items_held_bytes) {
    throw Error(
        ErrorCode::protocol,
        fmt::format("items.jsonl waits for item {} while {} later batches are done; use --order index",
                    watermark, std::distance(ready, held_.end())));
  }
  write(lines);
  watermark_ = watermark;
  held_bytes_ = still_held;
  for (auto written = held_.begin(); written != ready; written = held_.erase(written)) {
    const LineBlock& block = written->second.block;
    block.add_to(entry_hash_);
    source_ = {block.mark, block.source_entries, source_identity_};
  }
}

std::vector<LineBlock> ItemsLog::held_of(std::uint64_t record) const {
  std::vector<LineBlock> blocks;
  for (const auto& [begin, waiting] : held_) {
    if (waiting.record == record) blocks.push_back(waiting.block);
  }
  return blocks;
}

void ItemsLog::describe(CommitState& state) const {
  state.items_bytes = size_;
  state.watermark = watermark_;
  state.entry_hash = entry_hash_.value();
  state.source = source_;
  state.held_from.reset();
  for (const auto& [begin, waiting] : held_)
    state.held_from = std::min(state.held_from.value_or(waiting.record), waiting.record);
}

void ItemsLog::finish() {
  for (auto held = held_.begin(); held != held_.end(); held = held_.erase(held)) {
    write(held->second.block.lines);
    watermark_ = held->second.block.positions.end;
  }
  held_bytes_ = 0;
}

void ItemsLog::write(const std::string& lines) {
  if (lines.empty()) return;
  try {
    file_.write(bytes_of(lines), size_);
  } catch (const Error& error) {
    file_.cut(size_);
    throw Error(error.code(), fmt::format("{} ({} lines are kept)", error.what(), lines_));
  }
  size_ += lines.size();
  lines_ += static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
}

}  // namespace forebay
