#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pipeline/source/source.h"

namespace forebay {

/// A source whose first entry has been looked at, so that an empty one is found before anything is started.
class PeekedSource final : public Source {
 public:
  /// Takes the first entry of `source`. Blocks until there is one or the source ends.
  explicit PeekedSource(std::unique_ptr<Source> source) : source_(std::move(source)) {
    if (const std::optional<SourceEntry> entry = source_->next()) {
      path_ = entry->path;
      label_ = entry->label;
      peeked_ = true;
    }
    empty_ = !peeked_;
  }

  /// True if the source has no entry at all.
  [[nodiscard]] bool empty() const noexcept { return empty_; }

  [[nodiscard]] std::optional<SourceEntry> next() override {
    if (std::exchange(peeked_, false)) return SourceEntry{path_, label_};
    return source_->next();
  }
  void interrupt() noexcept override { source_->interrupt(); }
  [[nodiscard]] SourceMark mark() const override { return source_->mark(); }
  [[nodiscard]] std::string identity() const override { return source_->identity(); }
  [[nodiscard]] bool seek(const SourceMark& mark) override {
    if (!source_->seek(mark)) return false;
    peeked_ = false;
    return true;
  }
  [[nodiscard]] std::optional<std::uint64_t> size_hint() const override { return source_->size_hint(); }
  [[nodiscard]] bool has_files() const override { return source_->has_files(); }
  [[nodiscard]] std::string note() const override { return source_->note(); }

 private:
  std::unique_ptr<Source> source_;
  std::string path_;
  std::string label_;
  bool peeked_ = false;
  bool empty_ = false;
};

}  // namespace forebay
