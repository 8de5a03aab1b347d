#include "pipeline/source/path_table.h"

#include <fmt/format.h>

#include <limits>
#include <string_view>
#include <unordered_map>

#include "host/contract.h"
#include "host/error.h"

namespace forebay {

PathTable::PathTable(Source& source) {
  if (!source.has_files()) {
    if (const auto size = source.size_hint()) {
      size_ = *size;
      return;
    }
  }
  std::unordered_map<std::string, std::uint32_t> numbers{{std::string(), 0}};
  while (const std::optional<SourceEntry> entry = source.next()) {
    paths_ += entry->path;
    ends_.push_back(paths_.size());
    ++size_;
    if (entry->label.empty() && label_of_.empty()) continue;
    const auto [number, added] =
        numbers.try_emplace(std::string(entry->label), static_cast<std::uint32_t>(labels_.size()));
    if (added) {
      if (labels_.size() == std::numeric_limits<std::uint32_t>::max())
        throw Error(ErrorCode::usage, "the source has more than 4294967295 labels; list them without");
      labels_.emplace_back(entry->label);
    }
    label_of_.resize(size_ - 1);  // those before the first with a label
    label_of_.push_back(number->second);
  }
  paths_.shrink_to_fit();
  ends_.shrink_to_fit();
}

SourceEntry PathTable::at(std::uint64_t entry) const noexcept {
  expect(entry < size_, "an entry of the table");
  if (ends_.empty()) return {};
  const std::uint64_t begin = entry == 0 ? 0 : ends_[entry - 1];
  SourceEntry found;
  found.path = std::string_view(paths_).substr(begin, ends_[entry] - begin);
  if (entry < label_of_.size()) found.label = labels_[label_of_[entry]];
  return found;
}

}  // namespace forebay
