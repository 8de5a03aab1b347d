#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace forebay::crash {

/// Points by jobs: how often a process died there, and whether all was well.
class Table {
 public:
  explicit Table(std::string title) : title_(std::move(title)) {}

  void add(std::string_view point, std::string_view job, bool died, bool well);
  void note(std::string text) { note_ = std::move(text); }
  /// On stdout, and as a file in `folder`.
  void print(const std::string& folder) const;

 private:
  struct Cell {
    unsigned runs = 0;
    unsigned deaths = 0;
    bool well = true;
  };
  [[nodiscard]] std::string text() const;

  std::string title_;
  std::string note_;
  std::vector<std::string> points_;  // in the order in which they came
  std::vector<std::string> jobs_;
  std::map<std::pair<std::string, std::string>, Cell> cells_;
};

}  // namespace forebay::crash
