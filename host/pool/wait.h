#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "host/pool/future.h"

namespace forebay {

/// What wait() waits for.
enum class ReturnWhen : std::uint8_t {
  first_completed,  ///< one future is done, in whatever way
  first_exception,  ///< one ended with an exception (a cancelled one did not), or all are done
  all_completed,    ///< all are done
};

/// What wait() found: each future once, in the order in which it was given.
template <class F>
struct WaitResult {
  std::vector<F> done;
  std::vector<F> not_done;
};

/// A range of futures: of one Future<T>, or of FutureHandle for futures of several types.
template <class R>
concept FutureRange = std::ranges::input_range<R> &&
    std::derived_from<std::remove_cvref_t<std::ranges::range_reference_t<R>>, FutureHandle>;

namespace detail {

template <FutureRange R>
using FutureOf = std::remove_cvref_t<std::ranges::range_reference_t<R>>;

/// Each future once. Throws Error(usage) for a handle without a state.
template <FutureRange R>
[[nodiscard]] std::vector<FutureOf<R>> distinct(R&& futures) {
  std::vector<FutureOf<R>> found;
  std::unordered_set<const FutureState*> seen;
  if constexpr (std::ranges::sized_range<R>) {
    found.reserve(std::ranges::size(futures));
    seen.reserve(std::ranges::size(futures));
  }
  for (auto&& future : futures) {
    if (seen.insert(&future.state()).second) found.push_back(future);
  }
  return found;
}

template <class F>
[[nodiscard]] std::vector<FutureState*> states_of(const std::vector<F>& futures) {
  std::vector<FutureState*> states;
  states.reserve(futures.size());
  for (const F& future : futures) states.push_back(&future.state());
  return states;
}

[[nodiscard]] inline FutureHost::TimePoint deadline_of(std::optional<std::chrono::nanoseconds> timeout) {
  return timeout ? deadline_after(*timeout) : no_deadline;
}

/// Waits for distinct states.
void wait_for_states(std::span<FutureState* const> states, FutureHost::TimePoint deadline, ReturnWhen until);

}  // namespace detail

/// Waits for futures, without limit or for `timeout` (zero or less polls), and tells which are done. Never
/// throws at the time-out. Futures that are given twice count once; with none it returns at once. Throws
/// Interrupted on Ctrl+C within an InterruptScope, and Error(usage) for a future without a state.
template <FutureRange R>
[[nodiscard]] WaitResult<detail::FutureOf<R>> wait(R&& futures,
                                                   std::optional<std::chrono::nanoseconds> timeout = {},
                                                   ReturnWhen until = ReturnWhen::all_completed) {
  const FutureHost::TimePoint deadline = detail::deadline_of(timeout);
  const auto given = detail::distinct(futures);
  detail::wait_for_states(detail::states_of(given), deadline, until);
  WaitResult<detail::FutureOf<R>> result;
  for (const auto& future : given) (future.done() ? result.done : result.not_done).push_back(future);
  return result;
}

/// wait({a, b, c}).
template <std::derived_from<FutureHandle> F>
[[nodiscard]] WaitResult<F> wait(std::initializer_list<F> futures,
                                 std::optional<std::chrono::nanoseconds> timeout = {},
                                 ReturnWhen until = ReturnWhen::all_completed) {
  return wait(std::span(futures.begin(), futures.size()), timeout, until);
}

/// wait({a, b, c}) for futures of several types.
[[nodiscard]] inline WaitResult<FutureHandle> wait(std::initializer_list<FutureHandle> futures,
                                                   std::optional<std::chrono::nanoseconds> timeout = {},
                                                   ReturnWhen until = ReturnWhen::all_completed) {
  return wait(std::span(futures.begin(), futures.size()), timeout, until);
}

}  // namespace forebay
