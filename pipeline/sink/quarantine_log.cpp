#include "pipeline/sink/quarantine_log.h"

#include <fmt/format.h>

#include <cstdio>
#include <iterator>
#include <utility>

#include "host/error.h"
#include "pipeline/sink/json_text.h"

namespace forebay {

void append_quarantine_line(std::string& out, const ItemRecord& item) {
  const Quarantine& evidence = *item.quarantine;
  const auto text = [&out](std::string_view key, const std::optional<std::string>& value) {
    fmt::format_to(std::back_inserter(out), ", \"{}\": ", key);
    if (value) {
      append_json_string(out, *value);
    } else {
      out += "null";
    }
  };
  const auto number = [&out](std::string_view key, const auto& value) {
    fmt::format_to(std::back_inserter(out), ", \"{}\": {}", key, value);
  };
  const auto number_or_null = [&](std::string_view key, const auto& value) {
    value ? number(key, *value) : text(key, std::nullopt);
  };
  fmt::format_to(std::back_inserter(out), "{{\"index\": {}", item.index);
  text("path", item.path);
  text("label", item.label);
  text("code", std::string(to_string(item.error)));
  text("how", evidence.how);
  number_or_null("signal", evidence.signal != 0 ? std::optional(evidence.signal) : std::nullopt);
  number_or_null("exit_code", evidence.exit_code);
  number("attempts", evidence.attempts);
  text("last_step", evidence.last_step);
  number("seconds", fmt::format("{:.6f}", evidence.seconds));
  number("cpu_s", fmt::format("{:.6f}", evidence.cpu_s));
  number("peak_rss_bytes", evidence.peak_rss_bytes);
  text("sha256", evidence.sha256);
  number_or_null("file_bytes", evidence.file_bytes);
  out += "}\n";
}

QuarantineLog::QuarantineLog(std::string path, std::uint64_t bytes) : path_(std::move(path)), size_(bytes) {
  if (bytes == 0) {
    static_cast<void>(std::remove(path_.c_str()));  // of an item that is tried again; mostly there is none
    return;
  }
  file_ = OutputFile::reopen(path_);
  file_->cut(bytes);
}

bool QuarantineLog::append(std::span<const ItemRecord> items) {
  std::string lines;
  for (const ItemRecord& item : items) {
    if (item.quarantine) append_quarantine_line(lines, item);
  }
  if (lines.empty()) return false;
  const bool first = !file_;
  if (first) file_.emplace(path_, std::span<const std::byte>());
  try {
    file_->write(bytes_of(lines), size_);
  } catch (const Error&) {
    file_->cut(size_);
    throw;
  }
  size_ += lines.size();
  return first;
}

void QuarantineLog::roll_back(std::uint64_t bytes) {
  if (file_) file_->cut(bytes);
  size_ = bytes;
}

}  // namespace forebay
