#pragma once

#include <chrono>
#include <concepts>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <type_traits>
#include <utility>

#include "host/pool/future_handle.h"
#include "host/pool/future_value.h"

namespace forebay {

template <class T, bool moves>
class FutureAwaiter;

/// The result of a task that runs elsewhere: a copyable handle, as Python's Future. See FutureHandle for
/// what threads may do. T may be void, and a type that can only be moved.
template <class T>
class Future : public FutureHandle {
 public:
  using Value = T;

  Future() noexcept = default;
  /// For promises and engines.
  explicit Future(std::shared_ptr<detail::FutureValue<T>> state) noexcept : FutureHandle(std::move(state)) {}

  /// Waits for the result, which lives as long as a handle does. Throws the task's own exception,
  /// CancelledError, Interrupted on Ctrl+C within an InterruptScope, and Error(usage) if the result was moved
  /// out.
  std::add_lvalue_reference_t<const T> result() const& { return get(detail::no_deadline); }
  /// The same, but throws TimeoutError after `timeout`; one of zero or less polls.
  std::add_lvalue_reference_t<const T> result(std::chrono::nanoseconds timeout) const& {
    return get(detail::deadline_after(timeout));
  }

  /// Waits for the result and moves it out, if this is the future's only handle (callbacks that have not run
  /// count as handles); else copies it. Throws as the others, and Error(usage) if it had to copy what cannot
  /// be copied. Afterwards, and after an exception, the handle is still valid.
  T result() && { return take(detail::no_deadline); }
  T result(std::chrono::nanoseconds timeout) && { return take(detail::deadline_after(timeout)); }

  /// Calls `callback(Future<T>)` once, when the future is done: in the thread that completes it, after the
  /// callbacks that were added before; at once in the calling thread if it is done already. What the callback
  /// throws ends as one line on stderr. It should be quick: a pool's results wait meanwhile.
  template <class Callback>
  requires std::invocable<std::decay_t<Callback>, Future>
  void add_done_callback(Callback&& callback) const& { on_done(state(), std::forward<Callback>(callback)); }
  /// The same, and lets go of this handle before: the callback's may then be the only one.
  template <class Callback>
  requires std::invocable<std::decay_t<Callback>, Future>
  void add_done_callback(Callback&& callback) && {
    static_cast<void>(state());        // throws if there is none
    const auto kept = shared_state();  // keeps the state alive, and is no handle
    *this = Future();
    on_done(*kept, std::forward<Callback>(callback));
  }

  /// A std::future that gets the same result, copied, or moved if this was the last handle. A cancelled
  /// future's throws CancelledError. Its waits neither help nor drive the engine: not for a callback that
  /// runs in the engine's thread.
  [[nodiscard]] std::future<T> to_std() const& { return Future(*this).to_std_by_handle(); }
  [[nodiscard]] std::future<T> to_std() && { return Future(std::move(*this)).to_std_by_handle(); }
  explicit operator std::future<T>() const& { return to_std(); }
  explicit operator std::future<T>() && { return std::move(*this).to_std(); }

  /// Awaits the result in a coroutine, which goes on in the thread that completes the future and must not
  /// be destroyed while it waits. `co_await future` is future.result(); co_await of a temporary moves the
  /// result out where result() && would.
  [[nodiscard]] FutureAwaiter<T, false> operator co_await() const& { return FutureAwaiter<T, false>(*this); }
  [[nodiscard]] FutureAwaiter<T, true> operator co_await() && {
    return FutureAwaiter<T, true>(std::move(*this));
  }

 private:
  /// A callback, counted as a handle until it has its own.
  template <class Callback>
  class OnDone final : public detail::Continuation {
   public:
    template <class From>
    OnDone(From&& callback, detail::FutureState& state) : callback_(std::forward<From>(callback)) {
      state.add_handle();
    }
    void run(const std::shared_ptr<detail::FutureState>& state) override {
      Future future(std::static_pointer_cast<detail::FutureValue<T>>(state));
      state->drop_handle();
      std::invoke(std::move(callback_), std::move(future));
    }

   private:
    Callback callback_;
  };

  template <class Callback>
  static void on_done(detail::FutureState& state, Callback&& callback) {
    using Node = OnDone<std::decay_t<Callback>>;
    std::unique_ptr<detail::Continuation> node =
        std::make_unique<Node>(std::forward<Callback>(callback), state);
    if (!state.add_continuation(node)) state.run(*node);
  }

  [[nodiscard]] detail::FutureValue<T>& value_state() const {
    return static_cast<detail::FutureValue<T>&>(state());
  }

  detail::FutureValue<T>& ended_well(FutureHost::TimePoint deadline) const {
    detail::FutureValue<T>& state = value_state();
    if (const std::exception_ptr& error = state.outcome(deadline)) std::rethrow_exception(error);
    if (state.taken()) throw Error(ErrorCode::usage, "a future's result was moved out; take it once");
    return state;
  }

  std::add_lvalue_reference_t<const T> get(FutureHost::TimePoint deadline) const {
    detail::FutureValue<T>& state = ended_well(deadline);
    if constexpr (!std::is_void_v<T>) return state.value();
  }

  T take(FutureHost::TimePoint deadline) {
    detail::FutureValue<T>& state = ended_well(deadline);
    if constexpr (std::is_void_v<T>) {
      return;
    } else {
      // To move what is trivially copied is to copy it: it may as well stay.
      if constexpr (!std::is_trivially_copyable_v<T> || !detail::copies<T>) {
        if (state.has_one_handle()) {
          if (T* const value = state.take()) return std::move(*value);
        }
      }
      if constexpr (detail::copies<T>) {
        return state.value();
      } else {
        throw Error(ErrorCode::usage,
                    "a result that cannot be copied is taken through a future's only handle; "
                    "drop the others, or read it by reference");
      }
    }
  }

  std::future<T> to_std_by_handle() && {
    std::promise<T> promise;
    std::future<T> result = promise.get_future();
    static_cast<void>(state());        // throws if there is none
    const auto kept = shared_state();  // keeps the state alive, and is no handle
    *this = Future();  // before the callback may run: it moves the result out if its handle is the only one
    on_done(*kept, [promise = std::move(promise)](Future done) mutable { pass_on(done, promise); });
    return result;
  }

  static void pass_on(Future& done, std::promise<T>& promise) {
    try {
      if constexpr (std::is_void_v<T>) {
        done.result();
        promise.set_value();
      } else {
        promise.set_value(std::move(done).result());
      }
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  }
};

}  // namespace forebay

template <class T>
struct std::hash<forebay::Future<T>> : std::hash<forebay::FutureHandle> {};

#include "host/pool/future_awaiter.h"  // IWYU pragma: export
