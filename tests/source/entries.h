#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipeline/source/source.h"

namespace forebay::test {

using Entries = std::vector<std::pair<std::string, std::string>>;

/// Every (path, label) that a source still has; paths without `prefix`.
inline Entries drain(Source& source, const std::string& prefix = {}) {
  Entries entries;
  while (const auto entry = source.next()) {
    std::string path(entry->path);
    if (!prefix.empty() && path.starts_with(prefix)) path.erase(0, prefix.size());
    entries.emplace_back(std::move(path), std::string(entry->label));
  }
  return entries;
}

}  // namespace forebay::test
