#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace forebay::crash {

/// Steps by ways to die: a line for each run of a matrix.
class StepTable {
 public:
  struct Row {
    std::string step;
    std::string how;
    unsigned visit = 1;
    std::string order;
    std::string result;  ///< ok, BAD, or why nobody comes there
    std::uint64_t attempts_most = 0;
    std::uint32_t restarts = 0;
    std::int64_t recovery_us = -1;
  };
  explicit StepTable(std::string title) : title_(std::move(title)) {}
  void add(Row row) { rows_.push_back(std::move(row)); }
  /// As a file in `folder`, named after the title; its last lines, which sum it up, on stdout too.
  void print(const std::string& folder) const;

 private:
  std::string title_;
  std::vector<Row> rows_;
};

}  // namespace forebay::crash
