#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "host/pool/gathering.h"
#include "host/pool/wait.h"

namespace forebay {

/// Futures in the order in which they are done: an input range, for one thread and one pass. It keeps no
/// handle of a future that it has given out. See as_completed().
template <class F>
class AsCompleted {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = F;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(AsCompleted* range) noexcept : range_(range) {}
    [[nodiscard]] F& operator*() const { return *range_->current_; }
    Iterator& operator++() {
      range_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    [[nodiscard]] bool operator==(std::default_sentinel_t /*end*/) const noexcept {
      return !range_->current_.has_value();
    }

   private:
    AsCompleted* range_;
  };

  AsCompleted(std::vector<F> futures, FutureHost::TimePoint deadline)
      : futures_(std::move(futures)),
        gathering_(std::make_unique<detail::Gathering>(detail::states_of(futures_))),
        deadline_(deadline) {}
  AsCompleted(AsCompleted&&) noexcept = default;
  AsCompleted& operator=(AsCompleted&&) = delete;
  ~AsCompleted() = default;

  /// Waits for the first future, as ++ does for the next. Throws TimeoutError and Interrupted.
  [[nodiscard]] Iterator begin() {
    if (delivered_ == 0) advance();
    return Iterator(this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  void advance() {
    current_.reset();
    if (delivered_ == futures_.size()) return;
    const std::optional<std::size_t> index = gathering_->next(deadline_);
    if (!index) {
      throw TimeoutError(std::to_string(futures_.size() - delivered_) + " (of " +
                         std::to_string(futures_.size()) + ") futures unfinished");
    }
    ++delivered_;
    current_ = std::move(futures_[*index]);
  }

  std::vector<F> futures_;
  std::unique_ptr<detail::Gathering> gathering_;  // ends before what it watches
  FutureHost::TimePoint deadline_;
  std::optional<F> current_;
  std::size_t delivered_ = 0;
};

/// Gives the futures as they are done, those that are so already first: `for (auto& future :
/// as_completed(all))`. Futures that are given twice come once. Where `timeout`, counted from this call (zero
/// or less: only what is done), passes before all are done, the loop throws TimeoutError "n (of m) futures
/// unfinished"; and Interrupted on Ctrl+C within an InterruptScope. Throws Error(usage) for a future without
/// a state.
template <FutureRange R>
[[nodiscard]] AsCompleted<detail::FutureOf<R>> as_completed(
    R&& futures, std::optional<std::chrono::nanoseconds> timeout = {}) {
  const FutureHost::TimePoint deadline = detail::deadline_of(timeout);
  return AsCompleted<detail::FutureOf<R>>(detail::distinct(futures), deadline);
}

/// as_completed({a, b, c}).
template <std::derived_from<FutureHandle> F>
[[nodiscard]] AsCompleted<F> as_completed(std::initializer_list<F> futures,
                                          std::optional<std::chrono::nanoseconds> timeout = {}) {
  return as_completed(std::span(futures.begin(), futures.size()), timeout);
}

/// as_completed({a, b, c}) for futures of several types.
[[nodiscard]] inline AsCompleted<FutureHandle> as_completed(
    std::initializer_list<FutureHandle> futures, std::optional<std::chrono::nanoseconds> timeout = {}) {
  return as_completed(std::span(futures.begin(), futures.size()), timeout);
}

}  // namespace forebay
