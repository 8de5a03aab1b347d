#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "host/error.h"
#include "host/pool/future_error.h"
#include "host/pool/future_state.h"

namespace forebay {

/// A future of whatever type: what can be asked without knowing the result's. Handles that are copies of one
/// another stand for one future and compare equal. Every member function may be called from any thread, also
/// for one future at a time; one *handle* is not to be assigned by two.
///
/// Waits park the thread, after letting the engine behind the future help. In a callback that runs in the
/// engine's own thread they drive the engine instead, so that a callback may wait for other futures.
class FutureHandle {
 public:
  /// Stands for no future: only valid(), == and assignment make sense; all else throws Error(usage).
  FutureHandle() noexcept = default;
  FutureHandle(const FutureHandle& other) noexcept : FutureHandle(other.state_) {}
  FutureHandle(FutureHandle&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  FutureHandle& operator=(FutureHandle other) noexcept {
    state_.swap(other.state_);
    return *this;
  }
  ~FutureHandle() {
    if (state_ != nullptr) state_->drop_handle();
  }

  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }

  /// Cancels the task if no worker has it yet. True if the future is cancelled, by this call or before.
  /// Runs the callbacks. Blocks only while another thread cancels the same future.
  bool cancel() const { return state().cancel(); }

  [[nodiscard]] bool cancelled() const { return state().cancelled(); }
  [[nodiscard]] bool running() const { return state().running(); }
  /// Whether it has a result or an exception, or is cancelled. Then no wait for it blocks.
  [[nodiscard]] bool done() const { return state().done(); }

  /// Waits; the exception that the task ended with, null if it ended well. Throws CancelledError, and
  /// Interrupted on Ctrl+C within an InterruptScope.
  [[nodiscard]] std::exception_ptr exception() const { return state().outcome(detail::no_deadline); }
  /// The same, but throws TimeoutError after `timeout`; one of zero or less polls.
  [[nodiscard]] std::exception_ptr exception(std::chrono::nanoseconds timeout) const {
    return state().outcome(detail::deadline_after(timeout));
  }

  [[nodiscard]] friend bool operator==(const FutureHandle& left, const FutureHandle& right) noexcept {
    return left.state_ == right.state_;
  }

  /// The shared state, for engines and waits. Throws Error(usage) if there is none.
  [[nodiscard]] detail::FutureState& state() const {
    if (state_ == nullptr) throw Error(ErrorCode::usage, "a Future without a state; get one from a Promise");
    return *state_;
  }
  [[nodiscard]] const std::shared_ptr<detail::FutureState>& shared_state() const noexcept { return state_; }

 protected:
  explicit FutureHandle(std::shared_ptr<detail::FutureState> state) noexcept : state_(std::move(state)) {
    if (state_ != nullptr) state_->add_handle();
  }

 private:
  std::shared_ptr<detail::FutureState> state_;
};

}  // namespace forebay

/// Futures as keys: std::unordered_map<forebay::Future<R>, Input> is what Python's examples keep.
template <>
struct std::hash<forebay::FutureHandle> {
  [[nodiscard]] std::size_t operator()(const forebay::FutureHandle& future) const noexcept {
    return std::hash<std::shared_ptr<forebay::detail::FutureState>>()(future.shared_state());
  }
};
