#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "host/pool/future.h"

namespace forebay {

/// Completes a Future<T>. Its functions may be called from any thread; none blocks, but the callbacks of the
/// future run within set_result, set_exception and the destructor.
template <class T>
class Promise {
 public:
  Promise() : state_(detail::FutureValue<T>::make()) {}
  /// A future that asks `host` about `task`: whether it can be cancelled, whether it runs, for help in a
  /// wait.
  Promise(std::shared_ptr<FutureHost> host, std::uint64_t task)
      : state_(detail::FutureValue<T>::make(std::move(host), task)) {}
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise&& other) noexcept {
    Promise before(std::move(*this));
    state_ = std::move(other.state_);
    return *this;
  }
  /// A future that is not done then fails with BrokenPromiseError: nobody waits for ever.
  ~Promise() {
    if (state_ == nullptr || state_->done()) return;
    state_->fail(std::make_exception_ptr(BrokenPromiseError(
        "the promise of a future ended without a result; set one, or an exception, on every path")));
  }

  /// Another handle of its one future.
  [[nodiscard]] Future<T> future() const { return Future<T>(state()); }

  /// Marks the future as running, from when on it cannot be cancelled. False if it was cancelled: then there
  /// is nothing to do. Throws InvalidStateError if it runs or is done.
  bool set_running_or_notify_cancel() { return state()->start(); }

  /// Completes the future; constructs T from the arguments, none for void. Throws InvalidStateError if it is
  /// done, thus also if it was cancelled; what T's constructor throws, and the future is not done then.
  template <class... Arguments>
  requires std::constructible_from<detail::Stored<T>, Arguments...>
  void set_result(Arguments&&... arguments) {
    if (!state()->resolve(std::forward<Arguments>(arguments)...)) refuse();
  }

  /// Completes the future with an exception, which its waiters get. Throws InvalidStateError if it is done,
  /// and Error(usage) for null.
  void set_exception(std::exception_ptr error) {
    if (error == nullptr) throw Error(ErrorCode::usage, "set_exception(nullptr); give it an exception");
    if (!state()->fail(std::move(error))) refuse();
  }

 private:
  [[nodiscard]] const std::shared_ptr<detail::FutureValue<T>>& state() const {
    if (state_ == nullptr) throw Error(ErrorCode::usage, "a Promise that was moved from; use the new one");
    return state_;
  }

  [[noreturn]] static void refuse() {
    throw InvalidStateError("a future was set twice, or after it was cancelled; set each one once");
  }

  std::shared_ptr<detail::FutureValue<T>> state_;
};

}  // namespace forebay
