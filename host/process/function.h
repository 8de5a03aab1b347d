#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace forebay {

/// The build id (NT_GNU_BUILD_ID) of an executable or shared library; zero-padded.
using BuildId = std::array<std::uint8_t, 32>;

/// Names a function across exec: the image it lies in and its offset there. Plain data, fits a message.
/// Valid for as long as the image's file has the same build id; a differing one is refused, never run.
struct FunctionId {
  BuildId image{};
  std::uint64_t offset = 0;
  std::array<char, 512> path{};  ///< empty for the executable, else the shared library to load first
  [[nodiscard]] bool empty() const noexcept { return offset == 0; }
};

/// The id of the code at `address`. Throws Error(usage) where the address lies in no image, or the image has
/// no build id (link it with -Wl,--build-id).
[[nodiscard]] FunctionId function_id_of(const void* address);

/// The address of an id in this process; loads its shared library first where it has one. Throws
/// Error(protocol) "worker binary differs" where the build id does not match.
[[nodiscard]] const void* resolve_function(const FunctionId& id);

/// A callable that can cross exec without registration: a plain function or a captureless callable.
template <typename F>
concept Transportable = std::is_empty_v<F> && std::is_default_constructible_v<F>;

namespace detail {
template <typename F, typename R, typename... Args>
R trampoline(Args... args) {
  return F{}(static_cast<Args>(args)...);
}
}  // namespace detail

/// The address of a plain function of type R(Args...) that calls F, for function_id_of. Captures cannot cross
/// exec: they are refused when the program is compiled (Python's PicklingError, found early).
template <typename F, typename R, typename... Args>
[[nodiscard]] auto trampoline_of(const F& /*callable*/) -> R (*)(Args...) {
  static_assert(Transportable<F>,
                "forebay: this callable captures state, so it cannot run in another process. "
                "Use a plain function or a lambda without captures, and pass the state as an argument.");
  return &detail::trampoline<F, R, Args...>;
}

}  // namespace forebay
