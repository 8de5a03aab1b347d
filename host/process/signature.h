#pragma once

#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "host/codec/encodable.h"

namespace forebay::detail {

template <typename... T>
struct Types {
  static constexpr std::size_t size = sizeof...(T);
};

/// Parameters of a function that is not a template; `known` is false for generic lambdas and overloaded
/// calls.
template <typename F, typename = void>
struct Signature {
  static constexpr bool known = false;
};
template <typename R, typename... P>
struct Signature<R (*)(P...), void> {
  static constexpr bool known = true;
  using Parameters = Types<P...>;
};
template <typename R, typename... P>
struct Signature<R (*)(P...) noexcept, void> : Signature<R (*)(P...), void> {};
template <typename C, typename R, typename... P>
struct Signature<R (C::*)(P...), void> : Signature<R (*)(P...), void> {};
template <typename C, typename R, typename... P>
struct Signature<R (C::*)(P...) const, void> : Signature<R (*)(P...), void> {};
template <typename C, typename R, typename... P>
struct Signature<R (C::*)(P...) noexcept, void> : Signature<R (*)(P...), void> {};
template <typename C, typename R, typename... P>
struct Signature<R (C::*)(P...) const noexcept, void> : Signature<R (*)(P...), void> {};
template <typename F>
struct Signature<F, std::void_t<decltype(&F::operator())>> : Signature<decltype(&F::operator()), void> {};

/// How an argument is kept in the other process while the function runs. `P` is a parameter's type.
template <typename P>
struct Kept {
  static_assert(
      !std::is_lvalue_reference_v<P> || std::is_const_v<std::remove_reference_t<P>>,
      "forebay: a function that runs in another process cannot change the caller's variable: take the "
      "parameter by value or by const reference, and return what changed.");
  using Type = std::remove_cvref_t<P>;
};

/// As above, of an argument whose parameter is not known: text becomes a std::string, all else its own copy.
template <typename A>
struct KeptArgument {
  using Decayed = std::decay_t<A>;
  using Type = std::conditional_t<std::is_same_v<Decayed, const char*> || std::is_same_v<Decayed, char*> ||
                                      std::is_same_v<Decayed, std::string_view>,
                                  std::string, Decayed>;
};

template <typename F, typename... A>
struct KeptTypes {
  using Type = Types<typename KeptArgument<A>::Type...>;
};
template <typename F, typename... A>
requires(Signature<F>::known) struct KeptTypes<F, A...> {
  template <typename... P>
  static auto keep(Types<P...>) -> Types<typename Kept<P>::Type...>;
  using Type = decltype(keep(typename Signature<F>::Parameters{}));
};

/// A view is a parameter only: it looks at what was received. Everything else is encodable itself.
template <typename T>
inline constexpr bool is_view = std::is_same_v<T, std::string_view>;
template <typename T>
inline constexpr bool is_view<std::span<const T>> = true;

}  // namespace forebay::detail
