#pragma once

#include <optional>
#include <string_view>

namespace forebay {

/// Threads of this process that have not begun to end: the kernel lists one that was joined for a moment
/// longer. Nothing where /proc cannot be read. Thread-safe; blocks for reads of /proc where there are
/// several.
[[nodiscard]] std::optional<unsigned> thread_count();

namespace detail {

/// Whether the line of /proc/<pid>/task/<tid>/stat is of a thread that is ending (PF_EXITING).
[[nodiscard]] bool is_ending(std::string_view stat) noexcept;

}  // namespace detail
}  // namespace forebay
