#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "host/pool/crew.h"
#include "host/pool/future_error.h"
#include "host/pool/future_sink.h"
#include "host/pool/item_source.h"
#include "host/sync/interrupt.h"

namespace forebay {

template <typename R>
struct Outcome {
  std::optional<detail::ItemOf<R>> value;
  std::exception_ptr error;
};

/// Chunks that have ended, until the consumer takes them: in their order, or as they came. One consumer;
/// thread-safe. What `mutex_` guards is bounded by the consumer's window.
template <typename R>
class Arrivals {
 public:
  using Chunk = std::vector<Outcome<R>>;

  void put(std::size_t number, Chunk chunk) {
    {
      const std::scoped_lock lock(mutex_);
      chunks_.emplace(number, std::move(chunk));
      order_.push_back(number);
      if (!wanted_ || *wanted_ == number) there_.store(true, std::memory_order_release);
    }
    changed_.notify_one();
  }

  /// Chunk `wanted`, or whichever came first. Throws TimeoutError, Interrupted.
  [[nodiscard]] Chunk take(Crew& crew, std::optional<std::size_t> wanted, Crew::Clock::time_point deadline) {
    {
      const std::scoped_lock lock(mutex_);
      wanted_ = wanted;
      there_.store(ready(), std::memory_order_relaxed);
    }
    FutureHost* const host = &crew;
    if (!there_.load(std::memory_order_acquire)) detail::help_hosts({&host, 1}, there_, deadline);
    std::unique_lock lock(mutex_);
    if (!detail::wait_interruptibly(lock, changed_, deadline, [this] { return ready(); })) {
      throw TimeoutError("the next result was not there in time; allow more");
    }
    const std::size_t number = wanted ? *wanted : order_.front();
    order_.erase(std::find(order_.begin(), order_.end(), number));
    const auto found = chunks_.find(number);
    Chunk chunk = std::move(found->second);
    chunks_.erase(found);
    return chunk;
  }

 private:
  [[nodiscard]] bool ready() const { return wanted_ ? chunks_.contains(*wanted_) : !chunks_.empty(); }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::size_t, Chunk> chunks_;
  std::deque<std::size_t> order_;
  std::optional<std::size_t> wanted_;
  std::atomic<bool> there_{false};
};

/// Gathers the items of one chunk. As MapState: who brings `left_` to zero sees all slots.
template <typename R>
class ChunkSink final : public CancellableSink {
 public:
  /// Of chunk `number`, whose first item is item `begin` of the whole.
  ChunkSink(std::shared_ptr<Arrivals<R>> arrivals, std::size_t number, std::uint64_t begin,
            std::uint32_t count)
      : arrivals_(std::move(arrivals)), number_(number), begin_(begin), outcomes_(count), left_(count) {}

  void returned(std::uint32_t item, Decoder& result) override {
    outcomes_[item].value.emplace(detail::decode_item<R>(result));
    one_less();
  }
  void threw(std::uint32_t item, std::exception_ptr error) noexcept override {
    outcomes_[item].value.reset();
    outcomes_[item].error = std::move(error);
    one_less();
  }
  [[nodiscard]] std::uint64_t index_of(std::uint32_t item) const noexcept override { return begin_ + item; }
  void cancel() noexcept override {
    const auto error = std::make_exception_ptr(CancelledError("the map was cancelled before this item ran"));
    for (std::uint32_t item = 0; item < outcomes_.size(); ++item) threw(item, error);
  }

 private:
  void one_less() noexcept {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) arrivals_->put(number_, std::move(outcomes_));
  }

  std::shared_ptr<Arrivals<R>> arrivals_;
  std::size_t number_;
  std::uint64_t begin_;
  std::vector<Outcome<R>> outcomes_;
  std::atomic<std::uint32_t> left_;
};

}  // namespace forebay
