#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "host/pool/chunk_sink.h"
#include "host/pool/crew.h"
#include "host/pool/item_source.h"

namespace forebay {

/// The results of imap(), imap_unordered() or an executor's map(): an input range, to be walked once by one
/// thread. Truly lazy where a window is set: no more than so many chunks are in flight or wait to be taken,
/// and no element of the source is read before one of them is free. Results of type void are std::monostate.
///
/// An exception of an item is thrown in its place, and the walk can go on behind it with next(). One of the
/// source is thrown in its place too, and is the end; so is what submitting throws once the pool is closed.
/// The results that are not taken are dropped with the object.
template <typename R>
class Results {
 public:
  using Item = detail::ItemOf<R>;

  struct Plan {
    std::shared_ptr<Crew> crew;
    TargetRef function;
    std::function<void(Encoder&)> callable;  ///< writes the function's state; empty where it has none
    detail::ItemSource source;
    std::uint32_t chunk_size = 1;
    std::size_t window = 0;  ///< chunks; 0: all are submitted at once
    bool ordered = true;
    Crew::Clock::time_point deadline = Crew::Clock::time_point::max();  ///< of every next()
  };

  explicit Results(Plan plan) : plan_(std::move(plan)), arrivals_(std::make_shared<Arrivals<R>>()) { fill(); }
  Results(Results&&) noexcept = default;
  Results& operator=(Results&&) noexcept = default;
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;
  ~Results() = default;

  /// The next result; nothing at the end, now and ever after. Blocks. Throws the item's exception;
  /// TimeoutError (the walk can go on); Interrupted.
  std::optional<Item> next() { return next_until(plan_.deadline); }
  std::optional<Item> next(std::chrono::nanoseconds timeout) {
    return next_until(std::min(plan_.deadline, detail::deadline_after(timeout)));
  }

  class Iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(Results& results) : results_(&results) { ++*this; }
    Iterator& operator++() {
      item_ = results_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    Item& operator*() const { return *item_; }
    friend bool operator==(const Iterator& iterator, std::default_sentinel_t /*end*/) {
      return !iterator.item_;
    }

   private:
    Results* results_ = nullptr;
    mutable std::optional<Item> item_;
  };
  [[nodiscard]] Iterator begin() { return Iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// Chunks in flight or waiting to be taken.
  [[nodiscard]] std::size_t in_flight() const noexcept { return submitted_ - taken_; }

 private:
  std::optional<Item> next_until(Crew::Clock::time_point deadline) {
    while (true) {
      if (at_ < chunk_.size()) {
        Outcome<R> outcome = std::move(chunk_[at_++]);
        if (outcome.error) std::rethrow_exception(outcome.error);
        return std::move(outcome.value);
      }
      if (taken_ == submitted_) {
        if (source_error_) std::rethrow_exception(std::exchange(source_error_, nullptr));
        return std::nullopt;
      }
      chunk_ = arrivals_->take(*plan_.crew, plan_.ordered ? std::optional(taken_) : std::nullopt, deadline);
      at_ = 0;
      ++taken_;
      go_on();
    }
  }

  void fill() {
    while (!source_ended_ && (plan_.window == 0 || in_flight() < plan_.window)) submit_chunk();
  }

  /// A pool that takes no more tasks meanwhile ends the walk as the source would, behind what it has.
  void go_on() {
    try {
      fill();
    } catch (...) {
      source_ended_ = true;
      source_error_ = std::current_exception();
    }
  }

  void submit_chunk() {
    Encoder out;
    if (plan_.callable) plan_.callable(out);
    std::uint32_t count = 0;
    try {
      while (count < plan_.chunk_size) {
        if (!plan_.source(out)) {
          source_ended_ = true;
          break;
        }
        ++count;
      }
    } catch (...) {
      source_ended_ = true;
      source_error_ = std::current_exception();
    }
    if (count == 0) return;
    auto sink = std::make_shared<ChunkSink<R>>(arrivals_, submitted_, items_, count);
    plan_.crew->submit(plan_.crew->next_serial(), plan_.function, out.take(), count, std::move(sink));
    ++submitted_;
    items_ += count;
  }

  Plan plan_;
  std::shared_ptr<Arrivals<R>> arrivals_;
  std::vector<Outcome<R>> chunk_;
  std::size_t at_ = 0;
  std::size_t submitted_ = 0;
  std::uint64_t items_ = 0;  // in the chunks that were submitted
  std::size_t taken_ = 0;
  bool source_ended_ = false;
  std::exception_ptr source_error_;
};

}  // namespace forebay
