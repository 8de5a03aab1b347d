#pragma once

#include <array>
#include <string_view>

#include "host/process/child.h"

namespace forebay {

/// "spawn", "forkserver", "fork".
[[nodiscard]] std::string_view to_string(StartMethod method) noexcept;

/// The start method of every Process of this program that names none; spawn where nobody sets it. Children
/// begin with the method of the process that started them. Thread-safe. Throws Error(usage) at a second call,
/// unless `force`: two parts of a program that disagree should hear of it.
void set_start_method(StartMethod method, bool force = false);
[[nodiscard]] StartMethod get_start_method() noexcept;

/// What there is on Linux, the default first.
[[nodiscard]] constexpr std::array<StartMethod, 3> get_all_start_methods() noexcept {
  return {StartMethod::spawn, StartMethod::forkserver, StartMethod::fork};
}

namespace detail {
/// What a child begins with; it may still set its own once.
void inherit_start_method(StartMethod method) noexcept;
}  // namespace detail

}  // namespace forebay
