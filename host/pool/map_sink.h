#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "host/pool/crew_task.h"
#include "host/pool/future_sink.h"
#include "host/pool/future_value.h"
#include "host/pool/item_source.h"

namespace forebay {

/// What map() gives: a vector of results, or nothing where the function gives nothing.
template <typename R>
using MapResult = std::conditional_t<std::is_void_v<R>, void, std::vector<detail::ItemOf<R>>>;

/// The outcomes of a map: one slot an item, and one future that is completed with the last of them. No
/// fail-fast: an exception is told when every item has ended, the one of the first item that threw.
/// Thread-safe: `left_` is decremented after the item's slot was written, and who brings it to zero (acquire)
/// sees all slots (release).
template <typename R>
class MapState {
 public:
  MapState(std::shared_ptr<FutureHost> host, std::size_t items)
      : state_(detail::FutureValue<MapResult<R>>::make(std::move(host))),
        results_(std::is_void_v<R> ? 0 : items),
        left_(items + 1) {}

  [[nodiscard]] Future<MapResult<R>> future() const { return Future<MapResult<R>>(state_); }

  void set(std::size_t item, detail::ItemOf<R>&& result) {
    if constexpr (!std::is_void_v<R>) results_[item].emplace(std::move(result));
    one_less();
  }
  /// So many more items of a function that gives nothing.
  void set_nothing(std::size_t count) noexcept requires std::is_void_v<R> {
    if (left_.fetch_sub(count, std::memory_order_acq_rel) == count) complete();
  }
  void fail(std::size_t item, std::exception_ptr error) noexcept {
    {
      const std::scoped_lock lock(mutex_);
      if (!error_ || item < first_error_) {
        error_ = std::move(error);
        first_error_ = item;
      }
    }
    one_less();
  }
  /// All items have been submitted. The constructor counted one for this.
  void one_less() noexcept {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) complete();
  }

 private:
  void complete() noexcept {
    if (error_) {
      state_->fail(error_);
      return;
    }
    state_->resolve_with([this]() -> MapResult<R> {
      if constexpr (!std::is_void_v<R>) {
        std::vector<R> all;
        all.reserve(results_.size());
        for (auto& result : results_) all.push_back(std::move(*result));
        return all;
      }
    });
  }

  std::shared_ptr<detail::FutureValue<MapResult<R>>> state_;
  std::vector<std::optional<detail::ItemOf<R>>> results_;
  std::atomic<std::size_t> left_;
  std::mutex mutex_;
  std::exception_ptr error_;
  std::size_t first_error_ = 0;
};

/// Puts the items of one chunk into their places of a map.
template <typename R>
class MapSink final : public CancellableSink {
 public:
  MapSink(std::shared_ptr<MapState<R>> state, std::size_t begin, std::uint32_t count)
      : state_(std::move(state)), begin_(begin), count_(count) {}

  void returned(std::uint32_t item, Decoder& result) override {
    state_->set(begin_ + item, detail::decode_item<R>(result));
  }
  void threw(std::uint32_t item, std::exception_ptr error) noexcept override {
    state_->fail(begin_ + item, std::move(error));
  }
  [[nodiscard]] std::uint64_t index_of(std::uint32_t item) const noexcept override { return begin_ + item; }
  void returned_nothing(std::uint32_t first, std::uint32_t count) noexcept override {
    if constexpr (std::is_void_v<R>) {
      state_->set_nothing(count);
    } else {
      CancellableSink::returned_nothing(first, count);
    }
  }
  void cancel() noexcept override {
    const auto error = std::make_exception_ptr(CancelledError("the map was cancelled before this item ran"));
    for (std::uint32_t item = 0; item < count_; ++item) state_->fail(begin_ + item, error);
  }

 private:
  std::shared_ptr<MapState<R>> state_;
  std::size_t begin_;
  std::uint32_t count_;
};

}  // namespace forebay
