#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "host/process/call.h"

namespace forebay::detail {

/// Encodes the arguments of the next item: false, and nothing is written, where there is none. Throws what
/// the application's iterators throw.
using ItemSource = std::function<bool(Encoder&)>;

/// How the elements of a range become arguments: an element each, or a tuple's elements.
template <typename F, typename... A>
void encode_item(Encoder& out, A&&... arguments) {
  encode_arguments(out, typename KeptTypes<CallableOf<F>, A...>::Type{}, std::forward<A>(arguments)...);
}

/// Walks along one or several ranges, to the end of the shortest. Reads no element before it is asked for it.
template <typename F, bool spread, std::ranges::input_range... R>
class Walk {
 public:
  explicit Walk(R... ranges) : ranges_(std::move(ranges)...) {}
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;
  ~Walk() = default;

  bool next(Encoder& out) {
    if (!at_) {
      at_.emplace(
          std::apply([](auto&... range) { return std::tuple(std::ranges::begin(range)...); }, ranges_));
    } else {
      std::apply([](auto&... at) { (++at, ...); }, *at_);
    }
    if (ended(std::index_sequence_for<R...>{})) return false;
    std::apply([&out](auto&... at) { write(out, *at...); }, *at_);
    return true;
  }

 private:
  template <std::size_t... i>
  bool ended(std::index_sequence<i...> /*ranges*/) {
    return ((std::get<i>(*at_) == std::ranges::end(std::get<i>(ranges_))) || ...);
  }
  template <typename... A>
  static void write(Encoder& out, A&&... elements) {
    if constexpr (spread) {
      std::apply([&out](auto&&... part) { encode_item<F>(out, std::forward<decltype(part)>(part)...); },
                 std::forward<A>(elements)...);
    } else {
      encode_item<F>(out, std::forward<A>(elements)...);
    }
  }

  std::tuple<R...> ranges_;
  std::optional<std::tuple<std::ranges::iterator_t<R>...>> at_;
};

template <typename F, bool spread, typename... R>
[[nodiscard]] ItemSource item_source(R&&... ranges) {
  auto walk =
      std::make_shared<Walk<F, spread, std::views::all_t<R>...>>(std::views::all(std::forward<R>(ranges))...);
  return [walk](Encoder& out) { return walk->next(out); };
}

template <typename F, typename Element, typename Index>
struct SpreadCall;
template <typename F, typename Element, std::size_t... i>
struct SpreadCall<F, Element, std::index_sequence<i...>> {
  using Result = CallResult<F, std::tuple_element_t<i, Element>...>;
  static TargetRef target(const F& function) {
    return target_of<F, std::tuple_element_t<i, Element>...>(function);
  }
};

/// The function's entry and result for elements of the ranges; `spread` takes an element's parts as
/// arguments.
template <typename F, bool spread, typename... R>
struct ItemCall {
  using Result = CallResult<F, std::ranges::range_reference_t<R>...>;
  static TargetRef target(const F& function) {
    return target_of<F, std::ranges::range_reference_t<R>...>(function);
  }
};
template <typename F, typename R>
struct ItemCall<F, true, R>
    : SpreadCall<F, std::remove_cvref_t<std::ranges::range_reference_t<R>>,
                 std::make_index_sequence<
                     std::tuple_size_v<std::remove_cvref_t<std::ranges::range_reference_t<R>>>>> {};

/// What stands for a result in containers: nothing is a std::monostate.
template <typename R>
using ItemOf = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

template <typename R>
[[nodiscard]] ItemOf<R> decode_item(Decoder& in) {
  if constexpr (std::is_void_v<R>) {
    static_cast<void>(in);
    return {};
  } else {
    return decode<R>(in);
  }
}

}  // namespace forebay::detail
