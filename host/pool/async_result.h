#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <utility>

#include "host/error.h"
#include "host/pool/future.h"

namespace forebay {

/// Functions that are called with the outcome of an asynchronous call, before it is ready, in the thread that
/// found it: they should be quick, and those of two calls may run at the same time. Either may be empty. What
/// they throw ends as one line on stderr.
template <typename R>
struct Callbacks {
  std::function<void(const R&)> on_result{};
  std::function<void(std::exception_ptr)> on_error{};
};
template <>
struct Callbacks<void> {
  std::function<void()> on_result{};
  std::function<void(std::exception_ptr)> on_error{};
};

/// The outcome of apply_async(), map_async() or starmap_async(), as Python's AsyncResult. A copyable handle.
template <typename R>
class AsyncResult {
 public:
  explicit AsyncResult(Future<R> future) : future_(std::move(future)) {}

  /// Waits for the result: a copy, or moved out of a temporary, as take(). Throws what the call threw,
  /// TimeoutError, Interrupted.
  R get() const& { return Future<R>(future_).result(); }
  R get(std::chrono::nanoseconds timeout) const& { return Future<R>(future_).result(timeout); }
  R get() && { return std::move(future_).result(); }
  R get(std::chrono::nanoseconds timeout) && { return std::move(future_).result(timeout); }
  /// As get(), and moves the result out where this is the only handle.
  R take() && { return std::move(future_).result(); }
  /// Waits for the end, however it is. False: the time has passed.
  bool wait(std::chrono::nanoseconds timeout) const {
    return future_.state().wait_until(detail::deadline_after(timeout));
  }
  void wait() const { static_cast<void>(future_.state().wait_until(detail::no_deadline)); }
  [[nodiscard]] bool ready() const { return future_.done(); }
  /// Whether it ended without an exception. Throws Error(usage) before it is ready.
  [[nodiscard]] bool successful() const {
    if (!ready())
      throw Error(ErrorCode::usage, "the call has not ended yet, so nobody knows; wait() for it first");
    return future_.exception() == nullptr;
  }
  [[nodiscard]] Future<R> take_future() && { return std::move(future_); }
  /// Waits; what the call threw, nullptr where it ended well.
  [[nodiscard]] std::exception_ptr exception() const { return future_.exception(); }
  /// The same as a Future, to wait for several or to await.
  [[nodiscard]] const Future<R>& future() const noexcept { return future_; }

 private:
  Future<R> future_;
};

namespace detail {

template <typename T>
inline constexpr bool is_callbacks = false;
template <typename R>
inline constexpr bool is_callbacks<Callbacks<R>> = true;
template <typename T>
concept NoCallbacks = !is_callbacks<T>;

template <typename R>
void tell(const Future<R>& done, const Callbacks<R>& callbacks) {
  if (const std::exception_ptr error = done.exception()) {
    if (callbacks.on_error) callbacks.on_error(error);
  } else if (callbacks.on_result) {
    if constexpr (std::is_void_v<R>) {
      callbacks.on_result();
    } else {
      callbacks.on_result(done.result());
    }
  }
}

/// Passes an ended call on to `state` at its end.
template <typename R>
class PassOn {
 public:
  PassOn(Future<R>& done, FutureValue<R>& state) noexcept : done_(done), state_(state) {}
  PassOn(const PassOn&) = delete;
  PassOn& operator=(const PassOn&) = delete;
  ~PassOn() {
    state_.resolve_with([this]() -> R { return std::move(done_).result(); });
  }

 private:
  Future<R>& done_;
  FutureValue<R>& state_;
};

/// As Python's: who sees the returned result ready knows that the callbacks have run.
template <typename R>
[[nodiscard]] AsyncResult<R> call_back(AsyncResult<R>&& result, Callbacks<R> callbacks) {
  if (!callbacks.on_result && !callbacks.on_error) return std::move(result);
  Future<R> future = std::move(result).take_future();
  auto state = FutureValue<R>::make(future.state().host());
  AsyncResult<R> told{Future<R>(state)};
  // The callback's handle is the only one, so that the result can be moved on.
  std::move(future).add_done_callback(
      [state = std::move(state), callbacks = std::move(callbacks)](Future<R> done) {
        const PassOn<R> pass_on(done, *state);
        tell(done, callbacks);
      });
  return told;
}

}  // namespace detail
}  // namespace forebay
