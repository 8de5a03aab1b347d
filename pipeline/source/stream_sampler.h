#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/source/done_cursor.h"
#include "pipeline/source/sampler.h"

namespace forebay {

/// Goes through a source once, in its order, while it is read. Holds no entry.
class StreamSampler final : public Sampler {
 public:
  /// Goes to the end of the first range that is done, or reads its entries.
  StreamSampler(std::unique_ptr<Source> source, const Sampling& sampling, const DoneItems& done);

  [[nodiscard]] std::optional<Sample> next() override;
  void interrupt() noexcept override { source_->interrupt(); }
  [[nodiscard]] std::optional<std::uint64_t> size_hint() const override;
  [[nodiscard]] std::vector<std::uint64_t> epoch_sizes() const override { return {}; }
  [[nodiscard]] std::string note() const override { return source_->note(); }

 private:
  [[nodiscard]] bool seek(const DoneItems& done);
  /// The next entry of this shard, done or not.
  [[nodiscard]] std::optional<Sample> next_of_shard();

  std::unique_ptr<Source> source_;
  Sampling sampling_;
  DoneCursor done_;
  std::uint64_t entries_ = 0;   // read
  std::uint64_t position_ = 0;  // of the next sample
};

}  // namespace forebay
