#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/done_items.h"
#include "pipeline/source/source.h"

namespace forebay {

/// What becomes of the last batch of an epoch where too few items are left for a whole one. partial: it is
/// short. drop: it is left out. pad: the epoch's last item is repeated until it is full. With drop and pad
/// every shard has as many items as every other.
enum class LastBatch : std::uint8_t { partial = 0, drop = 1, pad = 2 };

[[nodiscard]] std::string_view to_string(LastBatch last_batch) noexcept;

/// Which entries of a source a run takes, how often and in what order. Plain values.
struct Sampling {
  std::uint32_t epochs = 1;       ///< times through the source
  std::uint64_t first_epoch = 0;  ///< the number of the first, for random numbers and records
  bool shuffle = false;           ///< another order in each epoch, keyed by seed and epoch
  std::uint64_t seed = 0;
  std::uint32_t shard = 0;  ///< of the (shuffled) entries this run takes number shard, shard + shards, …
  std::uint32_t shards = 1;
  LastBatch last_batch = LastBatch::partial;
  std::uint32_t batch = 64;            ///< that last_batch is about
  std::optional<std::uint64_t> limit;  ///< at most so many items, over all epochs

  /// Every entry once, in the source's order: the position says which it is.
  [[nodiscard]] bool plain() const noexcept { return !needs_all() && shards == 1; }
  /// The whole list has to be known before its first entry can be given.
  [[nodiscard]] bool needs_all() const noexcept {
    return epochs != 1 || shuffle || last_batch != LastBatch::partial;
  }
};

/// Samples of one epoch of a source with so many entries; of all epochs, up to the limit. Arithmetic only.
[[nodiscard]] std::uint64_t samples_of_epoch(const Sampling& sampling, std::uint64_t entries) noexcept;
[[nodiscard]] std::uint64_t samples_of(const Sampling& sampling, std::uint64_t entries) noexcept;

/// One item of a plan.
struct Sample {
  SourceEntry entry;        ///< valid until the next call
  std::uint64_t index = 0;  ///< position in the plan, from 0 over all epochs
  std::uint64_t item = 0;   ///< number of its entry in the source, from 0
  std::uint64_t epoch = 0;
  SourceMark mark;  ///< behind the entry, where the plan is a stream
};

/// The order in which a run goes through a source; leaves out what an earlier run has delivered. Used by one
/// thread, but for interrupt().
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// The next sample, or nothing at the end. May block on the source's file system or pipe. Throws Error(io |
  /// usage).
  [[nodiscard]] virtual std::optional<Sample> next() = 0;
  /// As Source::interrupt().
  virtual void interrupt() noexcept = 0;
  /// Samples that next() gives in all, where that is known.
  [[nodiscard]] virtual std::optional<std::uint64_t> size_hint() const = 0;
  /// How many of them belong to each epoch, beginning with the first that next() gives one of; the last
  /// number holds for all that follow. Empty: there is one epoch, of any length.
  [[nodiscard]] virtual std::vector<std::uint64_t> epoch_sizes() const = 0;
  [[nodiscard]] virtual std::string note() const = 0;
};

/// Reads what it must before the first sample: the whole source where sampling.needs_all(), and the entries
/// of done.ranges.front(). Blocks for it. Throws Error(usage) where the source does not begin with these
/// entries.
[[nodiscard]] std::unique_ptr<Sampler> make_sampler(std::unique_ptr<Source> source, const Sampling& sampling,
                                                    const DoneItems& done);

}  // namespace forebay
