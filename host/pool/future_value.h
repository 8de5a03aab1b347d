#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "host/pool/future_state.h"

namespace forebay::detail {

/// What stands in the place of a result of type void.
struct NoValue {};

/// Whether T can be copied. Containers say that they can, whatever they hold.
template <class T>
inline constexpr bool copies = std::is_copy_constructible_v<T>;
template <class T>
requires requires {
  typename T::value_type;
  typename T::allocator_type;
}
inline constexpr bool copies<T> = std::is_copy_constructible_v<T> && copies<typename T::value_type>;
template <class T>
inline constexpr bool copies<std::optional<T>> = copies<T>;
template <class A, class B>
inline constexpr bool copies<std::pair<A, B>> = copies<A>&& copies<B>;
template <class... T>
inline constexpr bool copies<std::tuple<T...>> = (copies<T> && ...);
template <class... T>
inline constexpr bool copies<std::variant<T...>> = (copies<T> && ...);

template <class T>
using Stored = std::conditional_t<std::is_void_v<T>, NoValue, T>;

/// The shared state of a Future<T>, for promises and engines: one allocation a future.
/// Every function is thread-safe; none blocks.
template <class T>
class FutureValue final : public FutureState {
  static_assert(!std::is_reference_v<T> && !std::is_const_v<T> && !std::is_array_v<T>,
                "a Future holds a value: use std::reference_wrapper, a pointer or std::array");

 public:
  /// `host` may be null: nobody is asked then, and the future waits for its promise alone.
  [[nodiscard]] static std::shared_ptr<FutureValue> make(std::shared_ptr<FutureHost> host = nullptr,
                                                         std::uint64_t task = 0) {
    return std::make_shared<FutureValue>(std::move(host), task);
  }

  using FutureState::FutureState;

  /// Completes it with T(arguments...). False, and nothing is made, if it is done or another completes it.
  /// What the constructor throws is passed on, and the future is as it was.
  template <class... Arguments>
  bool resolve(Arguments&&... arguments) {
    Phase before{};
    if (!claim(before)) return false;
    try {
      value_.emplace(std::forward<Arguments>(arguments)...);
    } catch (...) {
      unclaim(before);
      throw;
    }
    finish(Phase::finished);
    return true;
  }

  /// Completes it with what `make()` returns, or with the exception that it throws. False if it is done
  /// already: then `make` is not called.
  template <class Make>
  requires std::same_as<std::invoke_result_t<Make>, T>
  bool resolve_with(Make&& make) noexcept {
    Phase before{};
    if (!claim(before)) return false;
    try {
      if constexpr (std::is_void_v<T>) {
        std::forward<Make>(make)();
        value_.emplace();
      } else {
        value_.emplace(InPlace<Make>{std::forward<Make>(make)});
      }
    } catch (...) {
      set_error(std::current_exception());
    }
    finish(Phase::finished);
    return true;
  }

  /// The result. Only for a future that ended well.
  [[nodiscard]] const Stored<T>& value() const noexcept { return *value_; }

  /// The result to move from: null from the second call on. Only through the last handle.
  [[nodiscard]] Stored<T>* take() noexcept { return taken_.exchange(true) ? nullptr : &*value_; }
  [[nodiscard]] bool taken() const noexcept { return taken_.load(std::memory_order_relaxed); }

 private:
  /// Turns into the result where it is to be: what `make` returns is neither copied nor moved.
  template <class Make>
  struct InPlace {
    Make&& make;
    // NOLINTNEXTLINE(google-explicit-constructor): emplace() constructs the result from it
    operator T() && { return std::forward<Make>(make)(); }
  };

  std::optional<Stored<T>> value_;
  std::atomic<bool> taken_{false};
};

}  // namespace forebay::detail
