#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace forebay {

/// Something that a person who watches a long run wants to know: a death, a stall, a batch that was halved.
struct Notice {
  double seconds = 0;  ///< since the start of the run
  std::string text;    ///< one line
};

/// Notices in their order. A copy shares the texts until one of the two is added to, so that a snapshot of a
/// run costs the same with many. Not thread-safe; copies are independent.
class Notices {
 public:
  using Iterator = std::vector<Notice>::const_iterator;

  [[nodiscard]] Iterator begin() const noexcept { return notices_->begin(); }
  [[nodiscard]] Iterator end() const noexcept { return notices_->end(); }
  [[nodiscard]] std::size_t size() const noexcept { return notices_->size(); }
  [[nodiscard]] bool empty() const noexcept { return notices_->empty(); }
  [[nodiscard]] const Notice& operator[](std::size_t number) const { return (*notices_)[number]; }

  void add(Notice notice) {
    auto longer = std::make_shared<std::vector<Notice>>(*notices_);
    longer->push_back(std::move(notice));
    notices_ = std::move(longer);
  }

 private:
  std::shared_ptr<const std::vector<Notice>> notices_ = std::make_shared<const std::vector<Notice>>();
};

}  // namespace forebay
