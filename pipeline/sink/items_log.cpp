#include "pipeline/sink/items_log.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "host/contract.h"
#include "host/error.h"
#include "host/limits.h"
#include "pipeline/sink/json_text.h"

namespace forebay {

void append_item_line(std::string& out, const ItemRecord& item) {
  const auto number = [&out](std::string_view key, std::uint64_t value) {
    fmt::format_to(std::back_inserter(out), "{}{}", key, value);
  };
  number("{\"index\": ", item.index);
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

ItemsLog::ItemsLog(std::string path) : file_(std::move(path), {}) {}

void ItemsLog::append(std::uint64_t sequence, std::span<const ItemRecord> items) {
  expect(sequence >= next_sequence_ && !held_.contains(sequence), "every batch is recorded once");
  Block block;
  block.lines = items.size();
  for (const ItemRecord& item : items) append_item_line(block.text, item);
  if (sequence != next_sequence_) {
    held_bytes_ += block.text.size();
    if (held_bytes_ > limits::items_held_bytes) {
      throw Error(
          ErrorCode::protocol,
          fmt::format("items.jsonl waits for batch {} while {} later ones are done; use --order index",
                      next_sequence_, held_.size() + 1));
    }
    held_.emplace(sequence, std::move(block));
    return;
  }
  // The batches that waited for this one go out in the same write.
  auto ready = held_.begin();
  for (++sequence; ready != held_.end() && ready->first == sequence; ++sequence) {
    held_bytes_ -= ready->second.text.size();
    block.text += ready->second.text;
    block.lines += ready->second.lines;
    ready = held_.erase(ready);
  }
  write(block);
  next_sequence_ = sequence;
}

void ItemsLog::finish() {
  for (auto held = held_.begin(); held != held_.end(); held = held_.erase(held)) {
    write(held->second);
    next_sequence_ = held->first + 1;
  }
  held_bytes_ = 0;
}

void ItemsLog::write(const Block& block) {
  try {
    file_.write(bytes_of(block.text), size_);
  } catch (const Error& error) {
    file_.cut(size_);
    throw Error(error.code(), fmt::format("{} ({} lines are kept)", error.what(), lines_));
  }
  size_ += block.text.size();
  lines_ += block.lines;
}

}  // namespace forebay
