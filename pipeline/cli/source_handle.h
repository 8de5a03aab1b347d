#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pipeline/source/source.h"

namespace forebay::cli {

/// Lends a source to a Pipeline, so that its note can still be read after the pipeline is done with it.
class SourceHandle final : public Source {
 public:
  explicit SourceHandle(std::shared_ptr<Source> source) : source_(std::move(source)) {}
  [[nodiscard]] std::optional<SourceEntry> next() override { return source_->next(); }
  void interrupt() noexcept override { source_->interrupt(); }
  [[nodiscard]] SourceMark mark() const override { return source_->mark(); }
  [[nodiscard]] std::string identity() const override { return source_->identity(); }
  [[nodiscard]] bool seek(const SourceMark& mark) override { return source_->seek(mark); }
  [[nodiscard]] std::optional<std::uint64_t> size_hint() const override { return source_->size_hint(); }
  [[nodiscard]] bool has_files() const override { return source_->has_files(); }
  [[nodiscard]] std::string note() const override { return source_->note(); }

 private:
  std::shared_ptr<Source> source_;
};

}  // namespace forebay::cli
