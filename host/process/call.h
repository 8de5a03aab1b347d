#pragma once

#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

#include "host/codec/codec.h"
#include "host/process/function.h"
#include "host/process/signature.h"
#include "host/process/task_frame.h"

namespace forebay {

/// A function with its arguments, ready to run in another process of the same program.
struct Call {
  TargetRef function;
  Encoded arguments;
};

namespace detail {

/// Plain functions travel by their address, captureless callables by their type, and other callables (a class
/// with a call operator whose state is encodable) as their first argument.
template <typename F>
inline constexpr bool by_address = std::is_pointer_v<F>&& std::is_function_v<std::remove_pointer_t<F>>;
template <typename F>
inline constexpr bool by_type = std::is_empty_v<F>&& std::is_default_constructible_v<F>;

template <typename F>
inline constexpr bool has_state = !by_address<F> && !by_type<F>;

template <typename F>
consteval void require_callable() {
  static_assert(
      by_address<F> || by_type<F> || Encodable<F>,
      "forebay: this callable captures state, so it cannot run in another process. Use a plain function "
      "or a lambda without captures, and pass the state as an argument; or a struct with a call "
      "operator whose members can be sent.");
}

template <typename F, typename Kept>
struct Entry;

template <typename F, typename... K>
struct Entry<F, Types<K...>> {
  static_assert(
      std::is_invocable_v<F&, K...>,
      "forebay: the function cannot be called with these arguments (their types are named in the lines "
      "around this one)");
  using Result = std::invoke_result_t<F&, K...>;
  using Stored = std::decay_t<Result>;
  static_assert(
      std::is_void_v<Stored> || !is_view<Stored>,
      "forebay: the result is a view of memory that the other process frees: return a std::vector or "
      "std::string");

  static F callable(TaskFrame& frame) {
    if constexpr (by_address<F>) {
      return reinterpret_cast<F>(reinterpret_cast<std::uintptr_t>(frame.target));
    } else if constexpr (by_type<F>) {
      return F{};
    } else {
      return decode<F>(frame.arguments);
    }
  }

  static void call(F& function, std::tuple<K...>&& arguments, TaskReport& report) {
    if constexpr (std::is_void_v<Result>) {
      std::apply(function, std::move(arguments));
      static_cast<void>(report.result());
    } else {
      const Stored result = std::apply(function, std::move(arguments));
      encode(report.result(), result);
    }
  }

  /// The TaskEntry. Braces: the arguments are read in their order.
  static void run(TaskFrame& frame) {
    std::uint32_t item = frame.first;
    try {
      F function = callable(frame);
      for (std::uint32_t skipped = 0; skipped < frame.first; ++skipped) {
        static_cast<void>(std::tuple<K...>{decode<K>(frame.arguments)...});
      }
      for (; item < frame.count; ++item) {
        frame.report.started(item);
        std::tuple<K...> arguments{decode<K>(frame.arguments)...};
        std::exception_ptr error;
        try {
          call(function, std::move(arguments), frame.report);
        } catch (...) {
          error = std::current_exception();
        }
        if (error) {
          frame.report.threw(item, std::move(error));
        } else {
          frame.report.returned(item);
        }
      }
    } catch (...) {
      // The arguments of an item could not be read, so where the next one's begin is not known either.
      const std::exception_ptr error = std::current_exception();
      for (; item < frame.count; ++item) frame.report.threw(item, error);
    }
  }
};

template <typename Kept, typename Argument>
void encode_argument(Encoder& out, Argument&& argument) {
  if constexpr (std::is_same_v<Kept, std::decay_t<Argument>>) {
    encode(out, argument);
    // What was given away does not stay open or allocated here until the caller's object ends.
    if constexpr (!std::is_lvalue_reference_v<Argument> && !std::is_trivially_copyable_v<Kept> &&
                  std::is_move_constructible_v<Kept>) {
      [[maybe_unused]] const Kept given_away = std::forward<Argument>(argument);
    }
  } else {
    static_assert(std::is_convertible_v<Argument&&, Kept>,
                  "forebay: an argument does not convert to the function's parameter");
    const Kept converted = std::forward<Argument>(argument);
    encode(out, converted);
  }
}

template <typename... K, typename... A>
void encode_arguments(Encoder& out, Types<K...> /*kept*/, A&&... arguments) {
  static_assert(sizeof...(K) == sizeof...(A), "forebay: the function takes another number of arguments");
  (encode_argument<K>(out, std::forward<A>(arguments)), ...);
}

/// A function name decays to its pointer, and a noexcept one is told like any other.
template <typename F>
using CallableOf = std::decay_t<F>;

template <typename F, typename... A>
using EntryOf = Entry<CallableOf<F>, typename KeptTypes<CallableOf<F>, A...>::Type>;

}  // namespace detail

/// The type that `function(arguments...)` gives to the caller of another process: values, never references.
template <typename F, typename... A>
using CallResult = typename detail::EntryOf<F, A...>::Stored;

/// The entry and address of `function` for arguments like these. Nothing is encoded. Not for callables with
/// state, whose arguments begin with them.
template <typename F, typename... A>
[[nodiscard]] TargetRef target_of(const F& function) {
  using Callable = detail::CallableOf<F>;
  detail::require_callable<Callable>();
  TargetRef ref;
  ref.entry = &detail::EntryOf<F, A...>::run;
  if constexpr (detail::by_address<Callable>) {
    ref.target = reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(Callable(function)));
  }
  return ref;
}

/// Writes what a callable with state needs ahead of its arguments; nothing for all others.
template <typename F>
void encode_callable(Encoder& out, const F& function) {
  using Callable = detail::CallableOf<F>;
  if constexpr (detail::has_state<Callable>) encode(out, Callable(function));
}

/// Encodes `function(arguments...)` for another process. The arguments are converted to the function's
/// parameters first. Parameters may be std::span<const T> or std::string_view: they look at what was
/// received. What cannot be sent is a compile-time error that names the type and the remedy. Throws what the
/// arguments' serialize() throws, and Error where no descriptor or shared memory is to be had.
template <typename F, typename... A>
[[nodiscard]] Call make_call(const F& function, A&&... arguments) {
  Encoder out;
  Call call;
  call.function = target_of<F, A...>(function);
  encode_callable(out, function);
  detail::encode_arguments(out, typename detail::KeptTypes<detail::CallableOf<F>, A...>::Type{},
                           std::forward<A>(arguments)...);
  call.arguments = out.take();
  return call;
}

}  // namespace forebay
